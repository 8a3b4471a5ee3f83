//! The part of XML that data files use: elements, attributes and text, each with its place. No document types, no entities of one's own.

use crate::diag::Diagnostic;
use crate::text::{At, Sources};

/// An element.
#[derive(Clone, Debug, Default)]
pub struct Element {
    /// Name without its prefix.
    pub name: String,
    /// Attributes.
    pub attributes: Vec<(String, String)>,
    /// Text directly inside, trimmed.
    pub text: String,
    /// First and one past the last byte of the opening tag.
    pub place: (u32, u32),
    /// First and one past the last byte of the text.
    pub text_place: (u32, u32),
    /// Elements directly inside.
    pub children: Vec<Element>,
}

impl Element {
    /// An attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
    /// The children of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// Deepest nesting.
const MAX_DEPTH: usize = 64;

/// Reads a document: its root.
///
/// # Errors
/// The first mistake (`F0959`).
pub fn parse(text: &str, sources: &Sources, file: u32) -> Result<Element, Vec<Diagnostic>> {
    let wrong = |start: usize, end: usize, message: String, hint: &str| {
        let at = At { file, start: start as u32, end: end as u32 };
        vec![Diagnostic::error("F0959", sources.span(at), message).hint(hint)]
    };
    // The element that stands open at each depth, below a root of all.
    let mut open = vec![Element::default()];
    let mut at = 0;
    while let Some(offset) = text[at..].find('<') {
        let start = at + offset;
        // There is always the root of all.
        let Some(current) = open.last_mut() else { break };
        let raw = &text[at..start];
        if !raw.trim().is_empty() {
            let begin = at + (raw.len() - raw.trim_start().len());
            current.text_place = (begin as u32, (begin + raw.trim().len()) as u32);
            current.text.push_str(&plain(raw.trim()));
        }
        let rest = &text[start..];
        let skipped = [("<!--", "-->"), ("<?", "?>"), ("<!", ">")].into_iter().find(|(begin, _)| rest.starts_with(begin));
        if let Some((_, end)) = skipped {
            let Some(stop) = rest.find(end) else {
                return Err(wrong(start, start + 2, "this is never closed".to_owned(), "the file is cut short"));
            };
            at = start + stop + end.len();
            continue;
        }
        let Some(stop) = tag_end(rest) else {
            return Err(wrong(start, start + 1, "this tag is never closed".to_owned(), "the file is cut short"));
        };
        let tag = &rest[1..stop];
        at = start + stop + 1;
        if let Some(name) = tag.strip_prefix('/') {
            let name = local(name.trim());
            let closed = open.pop().filter(|closed| closed.name == name && !open.is_empty());
            let Some(closed) = closed else {
                return Err(wrong(start, at, format!("`</{name}>` closes what is not open"), "every element is closed by its own name"));
            };
            if let Some(parent) = open.last_mut() {
                parent.children.push(closed);
            }
            continue;
        }
        let (body, alone) = tag.strip_suffix('/').map_or((tag, false), |body| (body, true));
        let name = body.split_whitespace().next().unwrap_or("");
        let mut element = Element { name: local(name).to_owned(), place: (start as u32, at as u32), ..Element::default() };
        if name.is_empty() || open.len() >= MAX_DEPTH {
            return Err(wrong(start, at, "this tag is no element".to_owned(), "`<node id=\"Gdansk\">`"));
        }
        element.attributes = attributes(&body[name.len()..]);
        if !alone {
            open.push(element);
        } else if let Some(parent) = open.last_mut() {
            parent.children.push(element);
        }
    }
    let end = text.trim_end().len();
    if open.len() > 1 {
        let name = open.pop().map(|it| it.name).unwrap_or_default();
        return Err(wrong(end.saturating_sub(1), end, format!("the file ends inside `{name}`"), "the file is cut short"));
    }
    let root = open.pop().and_then(|mut all| (!all.children.is_empty()).then(|| all.children.swap_remove(0)));
    root.ok_or_else(|| wrong(0, 1, "the file holds no element".to_owned(), "an XML file of SNDlib begins with `<?xml` and `<network>`"))
}

/// Where a tag ends: the first `>` outside quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

/// A name without its prefix.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// `a="1" b='2'`.
fn attributes(mut text: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
        let Some((value, after)) = rest[1..].split_once(quote) else { break };
        all.push((local(name.trim()).to_owned(), plain(value)));
        text = after;
    }
    all
}

/// Text with its five entities resolved.
fn plain(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
