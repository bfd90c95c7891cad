//! Licences as packages declare them, brought into SPDX licence expressions.
//!
//! What the SPDX list knows becomes its identifier; what it does not know becomes a `LicenseRef-…` that carries
//! the words of the package, whole. Nothing is guessed: `BSD` without a number of clauses stays `BSD`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

mod conclude;
pub mod debian;
mod expression;
mod names;
pub mod text;

pub use conclude::conclude;
pub use expression::{canonical, declare};

/// Licences as one expression: what a package declares, or what was concluded from the texts that it ships.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Licensing {
    /// A valid SPDX licence expression, upper-case operators; `LicenseRef-…` for what the SPDX list does not know.
    /// None if nothing was declared or concluded.
    pub expression: Option<String>,
    /// The licences that `expression` names as `LicenseRef-…`, sorted by identifier.
    pub custom: Vec<CustomLicense>,
}

/// A licence that is not on the SPDX list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomLicense {
    /// `LicenseRef-` and letters, digits, `.` and `-`.
    pub id: String,
    /// As the package calls it.
    pub name: String,
    /// The licence text where the package ships it, else what it says in its place. Shared, for many packages
    /// ship the same.
    pub text: Arc<str>,
}

impl From<CustomLicense> for Licensing {
    fn from(license: CustomLicense) -> Self {
        Self { expression: Some(license.id.clone()), custom: vec![license] }
    }
}

/// Characters of a name that an identifier repeats.
const SLUG: usize = 40;
/// Characters of a name that are kept.
const NAME: usize = 200;

/// The licence `name` with the text `text`. Its identifier is `LicenseRef-`, up to 40 characters of the name,
/// and the first twelve digits of the text's SHA-256: the same text is the same licence in every bill.
pub fn custom(name: &str, text: &str) -> CustomLicense {
    let mut slug = String::new();
    for c in name.chars() {
        if slug.len() == SLUG {
            break;
        }
        if c.is_ascii_alphanumeric() || c == '.' {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if !slug.is_empty() && !slug.ends_with('-') {
        slug.push('-');
    }
    let hash = Sha256::digest(text.as_bytes());
    let id = hash.iter().take(6).fold(format!("LicenseRef-{slug}"), |id, byte| id + &format!("{byte:02x}"));
    let mut name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = name.char_indices().nth(NAME) {
        name.truncate(end);
        name.push('…');
    }
    CustomLicense { id, name, text: text.into() }
}

/// All of `parts` at once: the conjunction of what they name, without repetition, sorted. Parts that declare
/// nothing add nothing.
pub fn all_of(parts: impl IntoIterator<Item = Licensing>) -> Licensing {
    let mut terms: BTreeSet<String> = BTreeSet::new();
    let mut custom: BTreeSet<CustomLicense> = BTreeSet::new();
    for part in parts {
        let Some(expression) = part.expression else { continue };
        custom.extend(part.custom);
        match top_level(&expression) {
            Some(conjuncts) => terms.extend(conjuncts.into_iter().map(str::to_owned)),
            None => {
                terms.insert(expression);
            }
        }
    }
    let alone = terms.len() == 1;
    let terms: Vec<String> = terms
        .into_iter()
        .map(|term| if !alone && top_level(&term).is_none() { format!("({term})") } else { term })
        .collect();
    Licensing { expression: (!terms.is_empty()).then(|| terms.join(" AND ")), custom: by_id(custom) }
}

/// The identifiers that an expression names, those of exceptions among them, as it spells them.
///
/// ```
/// use sbom_core::license::terms;
/// let terms: Vec<&str> = terms("(MIT OR GPL-2.0-only WITH Linux-syscall-note) AND LicenseRef-a").collect();
/// assert_eq!(terms, ["MIT", "GPL-2.0-only", "Linux-syscall-note", "LicenseRef-a"]);
/// ```
pub fn terms(expression: &str) -> impl Iterator<Item = &str> {
    let words = expression.split([' ', '\t', '\n', '(', ')']);
    words.filter(|word| !word.is_empty() && !matches!(*word, "AND" | "OR" | "WITH"))
}

impl Licensing {
    /// With new identifiers for its `LicenseRef-…`: those that `renamed` has, by what they were.
    #[must_use]
    pub fn renamed(mut self, renamed: &BTreeMap<String, String>) -> Self {
        for license in &mut self.custom {
            if let Some(id) = renamed.get(&license.id) {
                license.id.clone_from(id);
            }
        }
        self.expression = self.expression.map(|expression| rename(&expression, renamed));
        self.custom.sort();
        self
    }

    /// With the texts that the package ships for its own `LicenseRef-…` in place of their names.
    #[must_use]
    pub fn with_texts(self, texts: &BTreeMap<String, String>) -> Self {
        self.replace_custom(|license| {
            let text = texts.get(&license.id).filter(|text| !text.trim().is_empty())?;
            Some(custom(&license.name, text))
        })
    }

    /// With what `replacement` gives in place of licences that are not on the SPDX list.
    pub(crate) fn replace_custom(
        mut self,
        replacement: impl Fn(&CustomLicense) -> Option<CustomLicense>,
    ) -> Self {
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        for license in &mut self.custom {
            let Some(new) = replacement(license) else { continue };
            let known = std::mem::replace(license, new);
            renamed.insert(known.id, license.id.clone());
        }
        self.expression = self.expression.map(|expression| rename(&expression, &renamed));
        self.custom.sort();
        self.custom.dedup_by(|a, b| a.id == b.id);
        self
    }

    /// With the licences that a document defines in place of the bare references that [`declare`] made of their
    /// identifiers.
    #[must_use]
    pub fn with_definitions(mut self, known: &BTreeMap<String, CustomLicense>) -> Self {
        let mut renamed: BTreeMap<String, String> = BTreeMap::new();
        for license in &mut self.custom {
            let Some(definition) = known.get(&*license.text) else { continue };
            let reference = std::mem::replace(license, definition.clone());
            renamed.insert(reference.id, license.id.clone());
        }
        self.expression = self.expression.map(|expression| rename(&expression, &renamed));
        self.custom.sort();
        self.custom.dedup_by(|a, b| a.id == b.id);
        self
    }
}

/// The expression with new identifiers in place of the old.
fn rename(expression: &str, renamed: &BTreeMap<String, String>) -> String {
    expression.split_inclusive([' ', '(', ')']).fold(String::new(), |out, piece| {
        let term = piece.trim_end_matches([' ', '(', ')']);
        let rest = piece.strip_prefix(term).unwrap_or_default();
        out + renamed.get(term).map_or(term, String::as_str) + rest
    })
}

/// The operands of the conjunction that a canonical expression is; none if it is a disjunction.
fn top_level(expression: &str) -> Option<Vec<&str>> {
    let mut conjuncts = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, byte) in expression.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            b' ' if depth == 0 => {
                let rest = expression.get(at..).unwrap_or_default();
                if rest.starts_with(" OR ") {
                    return None;
                }
                if rest.starts_with(" AND ") {
                    conjuncts.push(expression.get(start..at).unwrap_or_default());
                    start = at + " AND ".len();
                }
            }
            _ => {}
        }
    }
    conjuncts.push(expression.get(start..).unwrap_or_default());
    // A disjunction that stood in parentheses is written without them where it stands alone.
    Some(conjuncts.into_iter().map(without_parentheses).collect())
}

fn without_parentheses(term: &str) -> &str {
    term.strip_prefix('(').and_then(|term| term.strip_suffix(')')).unwrap_or(term)
}

/// Sorted by identifier, one for each.
fn by_id(licenses: BTreeSet<CustomLicense>) -> Vec<CustomLicense> {
    let mut licenses: Vec<CustomLicense> = licenses.into_iter().collect();
    licenses.dedup_by(|a, b| a.id == b.id);
    licenses
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parts: &[&str]) -> String {
        all_of(parts.iter().map(|part| declare(part))).expression.unwrap_or_default()
    }

    #[test]
    fn a_conjunction_is_sorted_flat_and_without_repetition() {
        for (parts, expected) in [
            (&["MIT", "Apache-2.0", "MIT"][..], "Apache-2.0 AND MIT"),
            (&["MIT AND ISC", "MIT"], "ISC AND MIT"),
            (&["MIT OR ISC"], "MIT OR ISC"),
            (&["MIT OR ISC", "Zlib"], "(MIT OR ISC) AND Zlib"),
            (&["Zlib AND (MIT OR ISC)", "MIT OR ISC"], "(MIT OR ISC) AND Zlib"),
            (
                &["GPL-2.0-only WITH Classpath-exception-2.0", "MIT"],
                "GPL-2.0-only WITH Classpath-exception-2.0 AND MIT",
            ),
            (&["", "MIT"], "MIT"),
            (&[], ""),
        ] {
            assert_eq!(all(parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn a_text_that_the_package_ships_takes_the_place_of_the_name() {
        let texts = BTreeMap::from([("LicenseRef-Own".to_owned(), "do what you like".to_owned())]);
        let declared = declare("MIT AND (LicenseRef-Own OR LicenseRef-Own-2)").with_texts(&texts);
        let own = custom("Own", "do what you like");
        assert_eq!(declared.expression, Some(format!("MIT AND ({} OR LicenseRef-Own-2)", own.id)));
        assert!(declared.custom.contains(&own) && declared.custom.is_sorted() && declared.custom.len() == 2);
    }

    #[test]
    fn the_same_text_is_the_same_licence() {
        let license = custom("Our  very own\nlicence (draft)", "do what you like");
        assert_eq!(license.id, "LicenseRef-Our-very-own-licence-draft-36cec8084ec5");
        assert_eq!(license.name, "Our very own licence (draft)");
        assert_eq!(custom("ümläut", "x").id, "LicenseRef-ml-ut-2d711642b726");
        assert_eq!(custom("", "x").id, "LicenseRef-2d711642b726");
        assert!(custom(&"long ".repeat(100), "x").name.chars().count() <= NAME + 1);
    }
}
