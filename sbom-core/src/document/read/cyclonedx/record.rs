//! How an object of a document is read, in whichever notation: a table says which member goes where.
//!
//! CycloneDX writes the same content as JSON and as XML by fixed rules, so one table serves both: a member is an
//! entry of an object, or an attribute, or a child element; the text of an element that has attributes is the
//! member that [`Record::BODY`] names. What has no entry in the table is counted as lost, by its place.

use super::{builder::Builder, records::Root};
use crate::document::read::{Losses, ReadError};

/// An object that is read member by member.
pub(super) trait Record: Default {
    /// The member that in XML is the text of the element; in JSON a bare text may stand for the object.
    const BODY: Option<&'static str> = None;
    /// The member that in JSON a list may stand for.
    const LIST: Option<&'static str> = None;
    /// Whether in XML the items of a list of these are not the objects, but their only members.
    const ITEMS_ARE_MEMBERS: bool = false;

    /// Takes the member `name`. False if there is no place for it, and it was not touched.
    fn member<S: Source>(&mut self, name: &str, from: &mut S) -> Result<bool, S::Error>;
}

/// The value of one member.
///
/// Every method but those for texts fails unless it is overridden, as fits a value that is just a text.
pub(super) trait Source {
    /// What its notation fails with.
    type Error;

    /// The error for a value that is not `wanted`.
    fn mismatch(&mut self, wanted: &'static str) -> Self::Error;
    /// A text. It is an error if `into` has one already.
    fn text(&mut self, name: &'static str, into: &mut Option<String>) -> Result<(), Self::Error>;
    /// A value that says nothing by itself.
    fn skip(&mut self, name: &'static str, into: &mut ()) -> Result<(), Self::Error>;
    /// A text, number or truth value.
    fn scalar(&mut self, name: &'static str, into: &mut Option<String>) -> Result<(), Self::Error> {
        self.text(name, into)
    }
    /// A list of texts; in XML one of several elements of the same name.
    fn texts(&mut self, _: &'static str, _: &mut Vec<String>) -> Result<(), Self::Error> {
        Err(self.mismatch("a list of texts"))
    }
    /// A list of references; in XML an element with the attribute `ref`, or one that holds such elements.
    fn refs(&mut self, _: &'static str, _: &mut Vec<String>) -> Result<(), Self::Error> {
        Err(self.mismatch("a list of references"))
    }
    /// An object.
    fn record<T: Record>(&mut self, _: &'static str, _: &mut Option<T>) -> Result<(), Self::Error> {
        Err(self.mismatch("an object"))
    }
    /// A list of objects; in XML an element that holds them.
    fn list<T: Record>(&mut self, _: &'static str, _: &mut Vec<T>) -> Result<(), Self::Error> {
        Err(self.mismatch("a list"))
    }
    /// A list of objects, or just one; in XML one of several elements of the same name.
    fn each<T: Record>(&mut self, _: &'static str, _: &mut Vec<T>) -> Result<(), Self::Error> {
        Err(self.mismatch("an object or a list"))
    }
    /// A list of objects, each of which is handed on before the next is read.
    fn stream<T: Record>(
        &mut self,
        _: &'static str,
        _: fn(&mut Scope<'_>, T) -> Outcome,
    ) -> Result<(), Self::Error> {
        Err(self.mismatch("a list"))
    }
    /// A list of components, which are handed on as well. `within` is the component that they are parts of.
    fn components(&mut self, _: &'static str, _within: &mut Option<usize>) -> Result<(), Self::Error> {
        Err(self.mismatch("a list of components"))
    }
    /// The component that the document is about.
    fn root(&mut self, _: &'static str, _: &mut Root) -> Result<(), Self::Error> {
        Err(self.mismatch("a component"))
    }
}

/// Whether what was read can be kept.
pub(super) type Outcome = Result<(), ReadError>;

/// What records are read into.
pub(super) struct Scope<'a> {
    pub(super) builder: Builder<'a>,
    pub(super) lost: Lost<'a>,
    /// Why reading failed, where the notation's own error cannot carry it.
    pub(super) failure: Option<ReadError>,
}

/// Counts what is lost, by where reading has got to.
pub(super) struct Lost<'a> {
    losses: &'a mut Losses,
    place: Vec<(&'static str, &'static str)>,
}

impl<'a> Lost<'a> {
    pub(super) fn new(losses: &'a mut Losses) -> Self {
        Self { losses, place: Vec::new() }
    }

    /// Goes into the member `name`; `suffix` is `[]` for a list.
    pub(super) fn enter(&mut self, name: &'static str, suffix: &'static str) {
        self.place.push((name, suffix));
    }

    /// The member that was entered last turned out to be a list.
    pub(super) fn is_list(&mut self) {
        if let Some((_, suffix)) = self.place.last_mut() {
            *suffix = "[]";
        }
    }

    pub(super) fn leave(&mut self) {
        self.place.pop();
    }

    /// Goes to `components[]`, however deep; the place to come back to.
    pub(super) fn enter_components(&mut self) -> Vec<(&'static str, &'static str)> {
        std::mem::replace(&mut self.place, vec![("components", "[]")])
    }

    pub(super) fn leave_components(&mut self, place: Vec<(&'static str, &'static str)>) {
        self.place = place;
    }

    /// Counts `times` things called `what`.
    pub(super) fn add(&mut self, what: &str, times: u64) {
        if times == 0 {
            return;
        }
        let place: String = self.place.iter().map(|(name, suffix)| format!("{name}{suffix}.")).collect();
        self.losses.add_many(&(place + what), times);
    }
}

/// The value of an attribute, or a text that stands for an object.
pub(super) struct Text<'a, E> {
    text: Option<String>,
    error: &'a dyn Fn(String) -> E,
}

impl<'a, E> Text<'a, E> {
    /// `text`; `error` makes an error out of its description.
    pub(super) fn new(text: String, error: &'a dyn Fn(String) -> E) -> Self {
        Self { text: Some(text), error }
    }
}

impl<E> Source for Text<'_, E> {
    type Error = E;

    fn mismatch(&mut self, wanted: &'static str) -> E {
        (self.error)(format!("a text where {wanted} belongs"))
    }

    fn text(&mut self, name: &'static str, into: &mut Option<String>) -> Result<(), E> {
        if into.is_some() {
            return Err((self.error)(format!("{name:?} stands there twice")));
        }
        *into = self.text.take();
        Ok(())
    }

    fn skip(&mut self, _: &'static str, (): &mut ()) -> Result<(), E> {
        Ok(())
    }

    fn refs(&mut self, _: &'static str, into: &mut Vec<String>) -> Result<(), E> {
        into.extend(self.text.take());
        Ok(())
    }
}

/// Declares records: for each field its type, how its value is read, and the names of the member.
macro_rules! records {
    ($($(#[doc = $doc:literal])+ $name:ident $([$($constant:ident = $value:expr),+])? {
        $($field:ident: $type:ty = $how:ident($key:literal $(| $alias:literal)*),)+
    })+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, PartialEq, Default)]
            pub(super) struct $name { $(pub(super) $field: $type,)+ }

            impl Record for $name {
                $($(const $constant: records!(@type $constant) = $value;)+)?

                fn member<S: Source>(&mut self, name: &str, from: &mut S) -> Result<bool, S::Error> {
                    match name {
                        $($key $(| $alias)* => from.$how($key, &mut self.$field)?,)+
                        _ => return Ok(false),
                    }
                    Ok(true)
                }
            }
        )+
    };
    (@type BODY) => { Option<&'static str> };
    (@type LIST) => { Option<&'static str> };
    (@type ITEMS_ARE_MEMBERS) => { bool };
}
pub(super) use records;
