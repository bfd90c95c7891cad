//! Licences of SPDX 3: expressions, texts, and the elements that expressions are made of.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, hash_map::Entry},
};

use crate::{
    document::read::{records::Text, spdx::Licenses, value::Object},
    license,
};

/// Licences longer than this as an expression are none that anyone meant.
const MAX_BYTES: usize = 64 << 10;
/// Elements that make up licences, looked at in one document.
const MAX_STEPS: usize = 10_000_000;
/// Elements within elements that make up one licence.
const MAX_DEPTH: usize = 32;

/// A licence element.
#[derive(Debug)]
enum Term<'a> {
    /// An expression or an identifier of the SPDX list.
    Expression(Cow<'a, str>),
    /// A text of the document's own, by the name of it that expressions have.
    Own(String),
    All(Vec<Cow<'a, str>>),
    Any(Vec<Cow<'a, str>>),
    OrLater(Cow<'a, str>),
    With(Cow<'a, str>, Cow<'a, str>),
}

/// Licence elements by their identifiers.
#[derive(Debug, Default)]
pub(super) struct Terms<'a> {
    elements: HashMap<Cow<'a, str>, Term<'a>>,
    texts: HashMap<Cow<'a, str>, (String, Text<'a>)>,
    /// Names that expressions have for texts, with the identifiers of the texts.
    names: Vec<(Text<'a>, Cow<'a, str>)>,
    /// Names that texts have of themselves.
    own_names: Vec<(String, Cow<'a, str>)>,
}

/// The elements that an element is made of, told by whoever knows how the document refers to elements.
pub(super) struct Parts<'a> {
    pub(super) members: Vec<Cow<'a, str>>,
    pub(super) subject: Option<Cow<'a, str>>,
    pub(super) addition: Option<Cow<'a, str>>,
}

impl<'a> Terms<'a> {
    /// Takes in the element `id`. Whether it is a licence.
    pub(super) fn add(
        &mut self,
        id: Cow<'a, str>,
        kind: &str,
        element: &mut Object<'a>,
        parts: Parts<'a>,
    ) -> bool {
        let term = match kind {
            "simplelicensing_LicenseExpression" => {
                for mut entry in element.objects("simplelicensing_customIdToUri") {
                    self.names.push((entry.text("key"), entry.text("value").into_inner()));
                }
                element.text("simplelicensing_licenseListVersion");
                Term::Expression(element.text("simplelicensing_licenseExpression").into_inner())
            }
            "simplelicensing_SimpleLicensingText" | "expandedlicensing_CustomLicense" => {
                let text = element.text("simplelicensing_licenseText");
                let name = element.text("name");
                let own = own_name(&id, &name);
                let called = name.known().unwrap_or(own.trim_start_matches("LicenseRef-")).to_owned();
                let own = if own.is_empty() { license::custom(&called, &text).id } else { own };
                self.own_names.push((own.clone(), id.clone()));
                self.texts.insert(id.clone(), (called, text));
                Term::Own(own)
            }
            "expandedlicensing_ListedLicense" | "expandedlicensing_ListedLicenseException" => {
                Term::Expression(Cow::Owned(last_segment(&id).to_owned()))
            }
            "expandedlicensing_CustomLicenseAddition" => {
                let name = own_name(&id, &element.text("name"));
                Term::Expression(Cow::Owned(if name.is_empty() {
                    last_segment(&id).to_owned()
                } else {
                    name
                }))
            }
            "expandedlicensing_ConjunctiveLicenseSet" => Term::All(parts.members),
            "expandedlicensing_DisjunctiveLicenseSet" => Term::Any(parts.members),
            "expandedlicensing_OrLaterOperator" => Term::OrLater(parts.subject.unwrap_or_default()),
            "expandedlicensing_WithAdditionOperator" => {
                Term::With(parts.subject.unwrap_or_default(), parts.addition.unwrap_or_default())
            }
            _ => return false,
        };
        self.elements.insert(id, term);
        true
    }

    /// Gives the texts to whoever resolves expressions. The number of names that stand for more than one text.
    pub(super) fn define(&self, licenses: &mut Licenses<'a>) -> usize {
        let mut texts: HashMap<&str, &str> = HashMap::new();
        let mut doubled = 0;
        for (name, id) in &self.names {
            let Some((called, text)) = self.texts.get(id) else { continue };
            match texts.insert(name, id) {
                None => _ = licenses.define(name.clone().into_inner(), called, text),
                Some(known) if known == id => {}
                Some(_) => doubled += 1,
            }
        }
        // Texts that no expression gives a name go by their own, if nothing else does.
        let named: HashSet<&str> = texts.values().copied().collect();
        for (name, id) in self.own_names.iter().filter(|(_, id)| !named.contains(&**id)) {
            let Some((called, text)) = self.texts.get(id) else { continue };
            if let Entry::Vacant(vacant) = texts.entry(name) {
                vacant.insert(id);
                licenses.define(name.clone().into(), called, text);
            }
        }
        doubled
    }

    /// The expression that the licence `id` is; none if it is too large, or says nothing.
    pub(super) fn expression(&self, id: &str, steps: &mut usize) -> Option<String> {
        let mut out = String::new();
        self.write(id, MAX_DEPTH, steps, &mut out)?;
        Some(out).filter(|out| !out.is_empty())
    }

    fn write(&self, id: &str, depth: usize, steps: &mut usize, out: &mut String) -> Option<()> {
        *steps += 1;
        if *steps > MAX_STEPS || out.len() > MAX_BYTES || depth == 0 {
            return None;
        }
        match self.elements.get(id) {
            Some(Term::All(members)) => self.write_set(members, " AND ", depth, steps, out)?,
            Some(Term::Any(members)) => self.write_set(members, " OR ", depth, steps, out)?,
            Some(Term::Expression(text)) if depth == MAX_DEPTH => out.push_str(text),
            Some(Term::Expression(text)) if text.contains(' ') => {
                out.push('(');
                out.push_str(text);
                out.push(')');
            }
            Some(Term::Expression(text)) => out.push_str(text),
            Some(Term::Own(name)) => out.push_str(name),
            Some(Term::OrLater(subject)) => {
                self.write(subject, depth - 1, steps, out)?;
                // The list has identifiers of their own for the licences that ask to say which of the two is meant.
                match out.strip_suffix("-only").map(str::len) {
                    Some(length) => {
                        out.truncate(length);
                        out.push_str("-or-later");
                    }
                    None => out.push('+'),
                }
            }
            Some(Term::With(subject, addition)) => {
                self.write(subject, depth - 1, steps, out)?;
                out.push_str(" WITH ");
                self.write(addition, depth - 1, steps, out)?;
            }
            None => out.push_str(individual(id).or_else(|| is_listed(id).then(|| last_segment(id)))?),
        }
        Some(())
    }
}

impl<'a> Terms<'a> {
    fn write_set(
        &self,
        members: &[Cow<'a, str>],
        operator: &str,
        depth: usize,
        steps: &mut usize,
        out: &mut String,
    ) -> Option<()> {
        out.push('(');
        for (index, member) in members.iter().enumerate() {
            if index > 0 {
                out.push_str(operator);
            }
            self.write(member, depth - 1, steps, out)?;
        }
        out.push(')');
        Some(())
    }
}

/// What stands for no licence, or for no knowledge of one.
fn individual(id: &str) -> Option<&'static str> {
    if id.ends_with("NoneLicense") {
        return Some("NONE");
    }
    id.ends_with("NoAssertionLicense").then_some("NOASSERTION")
}

/// Whether `id` is the address of a licence on the SPDX list.
fn is_listed(id: &str) -> bool {
    id.contains("spdx.org/licenses/")
}

fn last_segment(id: &str) -> &str {
    id.rsplit(['/', '#']).next().unwrap_or(id)
}

/// The name that expressions have for a text: a `LicenseRef-…` that it is called or that its identifier ends with.
fn own_name(id: &str, name: &str) -> String {
    let is_own = |name: &&str| name.starts_with("LicenseRef-") || name.starts_with("AdditionRef-");
    [name, last_segment(id)].into_iter().find(is_own).unwrap_or_default().to_owned()
}
