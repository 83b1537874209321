//! The XML of IAM's answers as a tree: they are small, and each call looks at a few places of its own.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

/// No answer nests deeper than this.
const DEEPEST: usize = 64;

/// An element with its text and what is inside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// Reads a whole document.
    pub(super) fn read(body: &[u8]) -> Result<Element, String> {
        let mut reader = Reader::from_reader(body);
        let mut open = vec![Element::default()];
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            match event {
                Event::Start(start) if open.len() < DEEPEST => open.push(named(start.local_name().as_ref())),
                Event::Start(_) => return Err("it nests too deep".into()),
                Event::Empty(empty) => last(&mut open)?.children.push(named(empty.local_name().as_ref())),
                Event::End(_) => {
                    let mut closed = open.pop().ok_or("it ends more than it begins")?;
                    // Between elements stand line breaks alone.
                    if !closed.children.is_empty() {
                        closed.text.clear();
                    }
                    last(&mut open)?.children.push(closed);
                }
                Event::Text(piece) => last(&mut open)?.text.push_str(&String::from_utf8_lossy(&piece)),
                Event::CData(piece) => last(&mut open)?.text.push_str(&String::from_utf8_lossy(&piece)),
                Event::GeneralRef(name) => {
                    let meant = referred(&name).ok_or_else(|| format!("no character is &{};", name.escape_ascii()))?;
                    last(&mut open)?.text.push_str(&meant);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        match (open.pop(), open.is_empty()) {
            (Some(mut document), true) => document.children.pop().ok_or_else(|| "it is empty".into()),
            _ => Err("it broke off".into()),
        }
    }

    /// The element at a path such as `GetRoleResult/Role`.
    pub(super) fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.children.iter().find(|child| child.name == name))
    }

    /// The text there, when there is any.
    pub(super) fn text_at(&self, path: &str) -> Option<&str> {
        self.at(path).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// The members of the list at a path.
    pub(super) fn members(&self, path: &str) -> impl Iterator<Item = &Element> {
        let list = self.at(path).map_or(&[][..], |list| &list.children);
        list.iter().filter(|child| child.name == "member")
    }
}

fn named(name: &[u8]) -> Element {
    Element { name: String::from_utf8_lossy(name).into_owned(), ..Element::default() }
}

fn last(open: &mut [Element]) -> Result<&mut Element, String> {
    open.last_mut().ok_or_else(|| "it ends more than it begins".into())
}

/// What `&name;` stands for; the five of XML and numbers, as there is no document type.
fn referred(name: &[u8]) -> Option<Cow<'static, str>> {
    let name = std::str::from_utf8(name).ok()?;
    let Some(number) = name.strip_prefix('#') else { return resolve_xml_entity(name).map(Cow::Borrowed) };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?).map(|c| c.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_by_path() {
        let body = br#"<?xml version="1.0"?>
            <ListRolePoliciesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
              <ListRolePoliciesResult>
                <PolicyNames><member>Read &amp; list</member><member>b&#x41;</member></PolicyNames>
                <IsTruncated>false</IsTruncated><Nothing/>
              </ListRolePoliciesResult>
            </ListRolePoliciesResponse>"#;
        let answer = Element::read(body).unwrap();
        assert_eq!(answer.name, "ListRolePoliciesResponse");
        let names: Vec<&str> =
            answer.members("ListRolePoliciesResult/PolicyNames").map(|name| name.text.as_str()).collect();
        assert_eq!(names, ["Read & list", "bA"]);
        assert_eq!(answer.text_at("ListRolePoliciesResult/IsTruncated"), Some("false"));
        assert_eq!((answer.text_at("ListRolePoliciesResult/Nothing"), answer.at("x/y")), (None, None));
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        let deep = format!("{}{}", "<a>".repeat(70), "</a>".repeat(70));
        for body in ["", "<a>", "<a><b></a></b>", "</a>", "<a>&what;</a>", deep.as_str()] {
            assert!(Element::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
