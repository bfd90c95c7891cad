//! XML written as it is made: two spaces of indentation, LF, a newline at the end.
//!
//! Texts come from images. What XML 1.0 has no way to write, most control characters, becomes U+FFFD; so that
//! references stay distinct, those that are changed so get a mark of what they were.

use std::{
    borrow::Cow,
    io::{self, BufWriter, Write},
};

use quick_xml::{
    events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event, attributes::Attribute},
    name::QName,
    writer::Writer,
};

use crate::digest::Digest;

/// An XML document in the making.
pub(super) struct Markup<'w>(Writer<BufWriter<&'w mut dyn Write>>);

/// Names and values of attributes.
pub(super) type Attributes<'a, 'b> = &'a [(&'a str, &'b str)];

impl<'w> Markup<'w> {
    pub(super) fn new(out: &'w mut dyn Write) -> io::Result<Self> {
        let mut writer = Writer::new_with_indent(BufWriter::with_capacity(1 << 16, out), b' ', 2);
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        Ok(Self(writer))
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let mut out = self.0.into_inner();
        out.write_all(b"\n")?;
        out.flush()
    }

    /// An element with what `content` writes in it.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_, '_>,
        content: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.0.write_event(Event::Start(start(name, attributes)))?;
        content(self)?;
        self.0.write_event(Event::End(BytesEnd::new(name)))
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, name: &'static str, attributes: Attributes<'_, '_>) -> io::Result<()> {
        self.0.write_event(Event::Empty(start(name, attributes)))
    }

    /// An element with attributes and a text in it.
    pub(super) fn text(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_, '_>,
        text: &str,
    ) -> io::Result<()> {
        self.element(name, attributes, |out| {
            out.0.write_event(Event::Text(BytesText::from_escaped(escape(text))))
        })
    }

    /// An element with a text in it, if there is a text.
    pub(super) fn optional(&mut self, name: &'static str, text: Option<&str>) -> io::Result<()> {
        text.map_or(Ok(()), |text| self.text(name, &[], text))
    }

    /// An element with what `each` writes of `items` in it, if there are any.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        items: &[T],
        mut each: impl FnMut(&mut Self, &T) -> io::Result<()>,
    ) -> io::Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        self.element(name, &[], |out| items.iter().try_for_each(|item| each(out, item)))
    }
}

/// `id` as a reference: two that differ still do where not all their characters can be written.
pub(super) fn reference(id: &str) -> Cow<'_, str> {
    if !id.contains(|c| c == char::REPLACEMENT_CHARACTER || !is_char(c)) {
        return Cow::Borrowed(id);
    }
    let mark: String = Digest::of(id.as_bytes()).hex().chars().take(12).collect();
    Cow::Owned(format!("{id}|{mark}"))
}

fn start<'a>(name: &'static str, attributes: Attributes<'_, '_>) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for &(key, value) in attributes {
        start.push_attribute(Attribute { key: QName(key), value: escape(value) });
    }
    start
}

/// `text` with what means something to XML as references to characters, among it white space that is changed in
/// attributes or at ends of lines.
fn escape(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| is_char(c) && !matches!(c, '&' | '<' | '>' | '"' | '\t' | '\n' | '\r');
    let Some((head, tail)) = text.find(|c| !is_plain(c)).and_then(|at| text.split_at_checked(at)) else {
        return Cow::Borrowed(text);
    };
    let mut escaped = String::with_capacity(text.len() + 16);
    escaped.push_str(head);
    for c in tail.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' => escaped.push_str("&#9;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            c if is_char(c) => escaped.push(c),
            _ => escaped.push(char::REPLACEMENT_CHARACTER),
        }
    }
    Cow::Owned(escaped)
}

/// Whether XML 1.0 has the character: its production `Char`.
fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_lacks_are_replaced_and_others_kept() {
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("a<b>&\"'", "a&lt;b&gt;&amp;&quot;'"),
            ("a\tb\r\n", "a&#9;b&#13;&#10;"),
            ("\u{0}\u{1b}[31m\u{fffe}", "\u{fffd}\u{fffd}[31m\u{fffd}"),
            ("\u{7f}\u{1f980}", "\u{7f}\u{1f980}"),
        ] {
            assert_eq!(escape(text), expected);
        }
    }

    #[test]
    fn references_stay_distinct() {
        let written = |id: &str| escape(&reference(id)).into_owned();
        assert_eq!(written("pkg:deb/a@1"), "pkg:deb/a@1");
        assert_ne!(written("a\u{1}"), written("a\u{2}"));
        assert_ne!(written("a\u{fffd}"), written("a\u{2}"));
        let forged = written("a\u{1}");
        assert_ne!(written(&forged), forged);
    }
}
