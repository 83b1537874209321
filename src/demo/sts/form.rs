//! The fields of a call of STS or IAM: `RoleArn=…&Tags.member.1.Key=…`.

/// The form of a call.
#[derive(Clone, Debug, Default)]
pub(in crate::demo) struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Reads a form body.
    pub(in crate::demo) fn parse(body: &[u8]) -> Form {
        Form { fields: form_urlencoded::parse(body).into_owned().collect() }
    }

    /// Everything that was sent but the secrets: codes and tokens.
    pub(in crate::demo) fn fields(&self) -> Vec<(String, String)> {
        let secret = |name: &str| ["TokenCode", "WebIdentityToken"].contains(&name);
        self.fields.iter().filter(|(name, _)| !secret(name)).cloned().collect()
    }

    /// A field, if it was sent and is not empty.
    pub(in crate::demo) fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(key, _)| key == name);
        field.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The members of a list, each by the given name inside it: `Tags.member.1.Key`, or `…member.1` for `""`.
    pub(in crate::demo) fn members(&self, list: &str, name: &str) -> Vec<String> {
        let suffix = if name.is_empty() { String::new() } else { format!(".{name}") };
        let value = |number: usize| {
            let key = format!("{list}.member.{number}{suffix}");
            self.fields.iter().find(|(field, _)| *field == key).map(|(_, value)| value.clone())
        };
        (1..).map_while(value).collect()
    }
}
