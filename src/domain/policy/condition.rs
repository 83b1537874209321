//! Condition operators, as in "IAM JSON policy elements: Condition operators".

use std::net::IpAddr;

use super::document::Condition;
use super::pattern;
use super::request::Context;

/// An operator with its prefixes and suffix: `ForAnyValue:StringLikeIfExists`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    test: Test,
    negated: bool,
    if_exists: bool,
    over: Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    Like,
    Arn,
    Bool,
    Number(Order),
    Date(Order),
    Ip,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How an operator treats a key of several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Single,
    Any,
    All,
}

impl Operator {
    /// Reads an operator's name; nothing when AWS has no such operator.
    pub(super) fn parse(name: &str) -> Option<Operator> {
        let (over, name) = match name.split_once(':') {
            Some(("ForAnyValue", rest)) => (Over::Any, rest),
            Some(("ForAllValues", rest)) => (Over::All, rest),
            Some(_) => return None,
            None => (Over::Single, name),
        };
        let (if_exists, name) = match name.strip_suffix("IfExists") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let (test, negated) = match name {
            "StringEquals" | "BinaryEquals" => (Test::Equals, false),
            "StringNotEquals" => (Test::Equals, true),
            "StringEqualsIgnoreCase" => (Test::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "Bool" => (Test::Bool, false),
            "IpAddress" => (Test::Ip, false),
            "NotIpAddress" => (Test::Ip, true),
            "Null" if !if_exists => (Test::Null, false),
            _ => {
                let (kind, order) = match (name.strip_prefix("Numeric"), name.strip_prefix("Date")) {
                    (Some(order), _) => (Test::Number as fn(Order) -> Test, order),
                    (_, Some(order)) => (Test::Date as fn(Order) -> Test, order),
                    _ => return None,
                };
                let (order, negated) = match order {
                    "Equals" => (Order::Equal, false),
                    "NotEquals" => (Order::Equal, true),
                    "LessThan" => (Order::Less, false),
                    "LessThanEquals" => (Order::LessOrEqual, false),
                    "GreaterThan" => (Order::Greater, false),
                    "GreaterThanEquals" => (Order::GreaterOrEqual, false),
                    _ => return None,
                };
                (kind(order), negated)
            }
        };
        Some(Operator { test, negated, if_exists, over })
    }
}

impl Condition {
    /// Whether the condition holds for the keys of `context`. `variables` says whether its values may hold `${…}`.
    pub(super) fn holds(&self, context: &Context, variables: bool) -> bool {
        let actual = context.get(&self.key);
        let operator = self.operator;
        if operator.test == Test::Null {
            return self.values.iter().any(|value| value.eq_ignore_ascii_case("true") == actual.is_none());
        }
        let Some(actual) = actual else {
            // "If the key is not present": …IfExists and ForAllValues hold, and so does what is negated.
            return operator.if_exists
                || operator.over == Over::All
                || operator.negated && operator.over == Over::Single;
        };
        let fits = |actual: &String| {
            let one = self.values.iter().any(|value| self.fits(value, actual, context, variables));
            one != operator.negated
        };
        match operator.over {
            Over::Any => actual.iter().any(fits),
            Over::All => actual.iter().all(fits),
            // A key of several values under a plain operator: a negated one must fit them all.
            Over::Single if operator.negated => actual.iter().all(fits),
            Over::Single => actual.iter().any(fits),
        }
    }

    fn fits(&self, wanted: &str, actual: &str, context: &Context, variables: bool) -> bool {
        let expanded = if variables { pattern::expand(wanted, context) } else { Some(wanted.to_owned()) };
        let Some(value) = expanded else { return false };
        match self.operator.test {
            Test::Equals => value == actual,
            Test::EqualsIgnoreCase => value.to_lowercase() == actual.to_lowercase(),
            Test::Like if variables => pattern::matches_with_variables(wanted, actual, context),
            Test::Like => pattern::matches(wanted, actual),
            Test::Arn => pattern::matches_arn(&value, actual),
            Test::Bool => value.eq_ignore_ascii_case(actual),
            Test::Number(order) => match (actual.parse::<f64>(), value.parse::<f64>()) {
                (Ok(actual), Ok(value)) => compare(order, actual, value),
                _ => false,
            },
            Test::Date(order) => match (seconds(actual), seconds(&value)) {
                (Some(actual), Some(value)) => compare(order, actual, value),
                _ => false,
            },
            Test::Ip => within(actual, &value),
            Test::Null => false,
        }
    }
}

fn compare(order: Order, left: f64, right: f64) -> bool {
    match order {
        Order::Equal => left == right,
        Order::Less => left < right,
        Order::LessOrEqual => left <= right,
        Order::Greater => left > right,
        Order::GreaterOrEqual => left >= right,
    }
}

/// A moment as seconds since 1970: written as such, as an RFC 3339 time, or as a date alone.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        return Some(number);
    }
    let time = match text.len() {
        10 => format!("{text}T00:00:00Z").parse::<jiff::Timestamp>(),
        _ => text.parse::<jiff::Timestamp>(),
    };
    time.ok().map(|time| time.as_millisecond() as f64 / 1000.0)
}

/// Whether an address lies in a range such as `203.0.113.0/24`; a range without a length is one address.
fn within(address: &str, range: &str) -> bool {
    let (network, length) = match range.split_once('/') {
        Some((network, length)) => (network, length.parse::<u32>().ok()),
        None => (range, Some(128)),
    };
    let (Ok(address), Ok(network), Some(length)) = (address.parse::<IpAddr>(), network.parse::<IpAddr>(), length)
    else {
        return false;
    };
    let (address, network, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    let host_bits = width - length.min(width);
    address.checked_shr(host_bits).unwrap_or(0) == network.checked_shr(host_bits).unwrap_or(0)
}
