//! Licences as Debian's machine-readable copyright files spell them. Source: "Machine-readable debian/copyright
//! file", version 1.0, and the names that packages really use.

use std::collections::{BTreeMap, BTreeSet};

use self::synopsis::Names;
use super::{CustomLicense, Licensing, custom, names};

mod synopsis;

/// Licences read from Debian's spelling, on the way to a [`Licensing`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Licenses {
    terms: Vec<Term>,
    custom: BTreeMap<String, CustomLicense>,
}

/// Part of an expression. The order is of no meaning; it serves to find what is said twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    License(String),
    All(Vec<Term>),
    Any(Vec<Term>),
}

impl Licenses {
    /// Adds the licence that a `License` field's first line names: names joined by `or`, `and` and commas, of
    /// which `and` binds closer than `or`, and a comma less than both. `text_of` gives the text of a licence that
    /// the SPDX list does not know. Returns the expression.
    pub fn add_synopsis(
        &mut self,
        synopsis: &str,
        text_of: &mut dyn FnMut(&str) -> String,
    ) -> Option<String> {
        let synopsis = synopsis.trim();
        if synopsis.is_empty() {
            return None;
        }
        let spaced = synopsis.replace("_or_", " or ").replace("_and_", " and ").replace('|', " or ");
        let term = match synopsis::parse(&spaced, |name| known(name).is_some()) {
            Some(names) => self.resolve(&names, text_of),
            // Prose. Its beginning must do as its name.
            None => self.custom(&beginning(synopsis), &text_of(synopsis)),
        };
        let text = term.to_text();
        self.add(term);
        Some(text)
    }

    /// Adds an expression of the SPDX list.
    pub fn add_known(&mut self, expression: &str) {
        self.add(Term::License(expression.to_owned()));
    }

    /// Adds a licence of which only name and text are known.
    pub fn add_custom(&mut self, name: &str, text: &str) {
        let term = self.custom(name, text);
        self.add(term);
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// All of them together.
    pub fn finish(self) -> Licensing {
        if self.terms.is_empty() {
            return Licensing::default();
        }
        let expression = join(self.terms, Term::All).to_text();
        Licensing { expression: Some(expression), custom: self.custom.into_values().collect() }
    }

    fn add(&mut self, term: Term) {
        match term {
            Term::All(terms) => self.terms.extend(terms),
            term => self.terms.push(term),
        }
    }

    fn custom(&mut self, name: &str, text: &str) -> Term {
        let license = custom(name, text);
        let id = license.id.clone();
        self.custom.insert(id.clone(), license);
        Term::License(id)
    }

    fn resolve(&mut self, names: &Names, text_of: &mut dyn FnMut(&str) -> String) -> Term {
        match names {
            Names::One(name) => match known(name) {
                Some(term) => term,
                None => self.custom(name, &text_of(name)),
            },
            Names::All(parts) => {
                join(parts.iter().map(|part| self.resolve(part, text_of)).collect(), Term::All)
            }
            Names::Any(parts) => {
                join(parts.iter().map(|part| self.resolve(part, text_of)).collect(), Term::Any)
            }
        }
    }
}

impl Term {
    fn to_text(&self) -> String {
        let joined = |terms: &[Term], operator: &str| {
            let part = |term: &Term| match term {
                Self::License(text) => text.clone(),
                term => format!("({})", term.to_text()),
            };
            terms.iter().map(part).collect::<Vec<_>>().join(operator)
        };
        match self {
            Self::License(text) => text.clone(),
            Self::All(terms) => joined(terms, " AND "),
            Self::Any(terms) => joined(terms, " OR "),
        }
    }
}

/// Joins terms in their order, each once; what is joined in the same way within is taken out of its parentheses.
fn join(terms: Vec<Term>, kind: fn(Vec<Term>) -> Term) -> Term {
    let mut seen = BTreeSet::new();
    let mut flat = Vec::new();
    for term in terms {
        let same = std::mem::discriminant(&term) == std::mem::discriminant(&kind(Vec::new()));
        let parts = match term {
            Term::All(parts) | Term::Any(parts) if same => parts,
            term => vec![term],
        };
        flat.extend(parts.into_iter().filter(|part| seen.insert(part.clone())));
    }
    if flat.len() > 1 {
        return kind(flat);
    }
    flat.pop().unwrap_or_else(|| kind(Vec::new()))
}

fn beginning(prose: &str) -> String {
    prose.split_whitespace().take(6).collect::<Vec<_>>().join(" ").chars().take(60).collect()
}

/// The licence of the SPDX list that `name` means.
fn known(name: &str) -> Option<Term> {
    let lower = name.to_ascii_lowercase().replace("-with-", " with ");
    if let Some((license, exception)) = lower.split_once(" with ") {
        return with_exception(license.trim(), exception);
    }
    if lower == "perl" {
        let terms = ["GPL-1.0-or-later", "Artistic-1.0-Perl"];
        return Some(Term::Any(terms.iter().map(|term| Term::License((*term).to_owned())).collect()));
    }
    if let Some(id) = license(&lower) {
        return Some(Term::License(id));
    }
    // `GPL-2+-libtool-exception`
    let named = lower.strip_suffix("-exceptions").or_else(|| lower.strip_suffix("-exception"))?;
    let (base, exception) = named.rsplit_once('-')?;
    with_exception(base, exception)
}

fn with_exception(base: &str, exception: &str) -> Option<Term> {
    let base = license(base).filter(|id| !id.contains(' '))?;
    let words: Vec<&str> = exception
        .split([' ', '-'])
        .filter(|word| !matches!(*word, "" | "exception" | "exceptions" | "the" | "special"))
        .collect();
    let version_3 = base.contains("-3.0-");
    let id = match words.join("-").as_str() {
        "autoconf" if version_3 => "Autoconf-exception-3.0",
        "autoconf" => "Autoconf-exception-2.0",
        "autoconf-data" | "configure" => "Autoconf-exception-generic",
        "bison" => "Bison-exception-2.2",
        "classpath" => "Classpath-exception-2.0",
        "font" => "Font-exception-2.0",
        "gcc" | "gcc-runtime" | "gcc-runtime-library" | "gcc-3.1" if version_3 => "GCC-exception-3.1",
        "gcc" | "gcc-runtime" => "GCC-exception-2.0",
        "libtool" => "Libtool-exception",
        "linux-syscall-note" => "Linux-syscall-note",
        "llvm" => "LLVM-exception",
        "texinfo" => "Texinfo-exception",
        "u-boot" => "u-boot-exception-2.0",
        _ => names::exception(exception)?,
    };
    spdx::exception_id(id)?;
    Some(Term::License(format!("{base} WITH {id}")))
}

/// The SPDX identifier of a single licence; `lower` is its name in lower case.
fn license(lower: &str) -> Option<String> {
    if let Some((family, version)) = lower.split_once("-niv-") {
        return without_invariants(&format!("{family}-{version}"));
    }
    debian_name(lower).map(str::to_owned).or_else(|| names::license(lower))
}

/// `GFDL-NIV-1.3+`: the licence of the GNU manuals, without invariant sections.
fn without_invariants(name: &str) -> Option<String> {
    let id = names::license(name)?;
    let (version, rest) =
        ["only", "or-later"].iter().find_map(|rest| Some((id.strip_suffix(rest)?, rest)))?;
    spdx::license_id(&format!("{version}no-invariants-{rest}")).map(|id| id.name.to_owned())
}

/// Names that mean something in Debian which they do not mean everywhere. A licence without version is any
/// version, and its first is the least that it can be; the Artistic licence is that of Perl.
/// Source: the copyright format's list of short names; `/usr/share/common-licenses`.
fn debian_name(lower: &str) -> Option<&'static str> {
    Some(match lower {
        "gpl" => "GPL-1.0-or-later",
        "lgpl" => "LGPL-2.0-or-later",
        "gfdl" => "GFDL-1.1-or-later",
        "artistic" => "Artistic-1.0-Perl",
        "boost-1" | "boost-software-license-1.0" => "BSL-1.0",
        "gap" | "all-permissive" | "gnu-all-permissive" => "FSFAP",
        "openldap-2.8" => "OLDAP-2.8",
        "psf-2" => "PSF-2.0",
        "sil-1.1" | "ofl" => "OFL-1.1",
        "w3c-software" => "W3C",
        _ => return None,
    })
}

/// The licence that a mention of `/usr/share/common-licenses/NAME` refers to. `before` is the text before it,
/// which says whether later versions will do, and which version where the name has none.
pub fn common_license(name: &str, before: &str) -> Option<String> {
    if name == "BSD" {
        return Some("BSD-3-Clause".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    let family = lower.split('-').next().unwrap_or_default();
    if !matches!(family, "gpl" | "lgpl" | "gfdl") {
        return license(&lower);
    }
    let words: Vec<String> = before
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase())
        .collect();
    let later = words.windows(2).any(
        |pair| matches!(pair, [a, b] if (a == "any" || a == "or") && matches!(b.as_str(), "later" | "newer")),
    );
    let granted = words.windows(2).rev().find_map(|pair| match pair {
        [word, number] if word == "version" || word == "v" => {
            let number = number.as_str();
            (number.starts_with(|c: char| c.is_ascii_digit())).then_some(number)
        }
        _ => None,
    });
    let plus = if later { "+" } else { "" };
    granted
        .and_then(|version| license(&format!("{family}-{version}{plus}")))
        .or_else(|| license(&format!("{lower}{plus}")))
        .or_else(|| license(&lower))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(synopsis: &str, expected: &str) {
        let mut licenses = Licenses::default();
        licenses.add_synopsis(synopsis, &mut |name| format!("text of {name}"));
        let declared = licenses.finish();
        let expression = declared.expression.unwrap_or_default();
        // What follows the name tells licences of one name apart.
        let found = declared
            .custom
            .iter()
            .fold(expression, |text, license| text.replace(&license.id, &format!("<{}>", license.name)));
        assert_eq!(found, expected, "{synopsis}");
    }

    #[test]
    fn names_become_those_of_spdx() {
        for (name, expected) in [
            ("Expat", "MIT"),
            ("GPL-2+", "GPL-2.0-or-later"),
            ("GPL-2", "GPL-2.0-only"),
            ("GPL", "GPL-1.0-or-later"),
            ("GPL-2.0+", "GPL-2.0-or-later"),
            ("GPL-3.0-or-later", "GPL-3.0-or-later"),
            ("GPLv3+", "GPL-3.0-or-later"),
            ("GPL3+", "GPL-3.0-or-later"),
            ("GPL-2 or later", "GPL-2.0-or-later"),
            ("LGPL", "LGPL-2.0-or-later"),
            ("LGPLv2.1+", "LGPL-2.1-or-later"),
            ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
            ("AGPL-3", "AGPL-3.0-only"),
            ("Artistic", "Artistic-1.0-Perl"),
            ("Artistic-2", "Artistic-2.0"),
            ("Apache-2", "Apache-2.0"),
            ("BSD-3-clause", "BSD-3-Clause"),
            ("OpenLDAP-2.8", "OLDAP-2.8"),
            ("zlib", "Zlib"),
            ("CC0", "CC0-1.0"),
            ("CC-BY-SA-3", "CC-BY-SA-3.0"),
            ("X11", "X11"),
            ("MIT/X11", "MIT"),
            ("public-domain", "<public-domain>"),
            ("BSD-3-clause~Google", "<BSD-3-clause~Google>"),
        ] {
            check(name, expected);
        }
    }

    #[test]
    fn operators_bind_as_the_format_says() {
        check("GPL-1+ or Artistic", "GPL-1.0-or-later OR Artistic-1.0-Perl");
        check("GPL-2+ or MIT and ISC", "GPL-2.0-or-later OR (MIT AND ISC)");
        check("GPL-2+ or MIT, and ISC", "(GPL-2.0-or-later OR MIT) AND ISC");
        check("ISC, and GPL-1+ or Artistic", "ISC AND (GPL-1.0-or-later OR Artistic-1.0-Perl)");
        check("GPL-2+ or (MIT and X11)", "GPL-2.0-or-later OR (MIT AND X11)");
        check("MIT, ISC, or X11", "MIT OR ISC OR X11");
        check("MIT, ISC", "MIT AND ISC");
        check("LGPLv3+_or_GPLv2+", "LGPL-3.0-or-later OR GPL-2.0-or-later");
        check("MIT and MIT", "MIT");
        check("Perl and MIT", "(GPL-1.0-or-later OR Artistic-1.0-Perl) AND MIT");
    }

    #[test]
    fn exceptions_are_kept() {
        check("GPL-3+ with Autoconf exception", "GPL-3.0-or-later WITH Autoconf-exception-3.0");
        check("GPL-2+-libtool-exception", "GPL-2.0-or-later WITH Libtool-exception");
        check("APACHE-2-LLVM-EXCEPTIONS", "Apache-2.0 WITH LLVM-exception");
        check("GPL-3+-WITH-BISON-EXCEPTION", "GPL-3.0-or-later WITH Bison-exception-2.2");
        check("GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note");
        check("MIT or GPL-2+ with OpenSSL exception", "MIT OR <GPL-2+ with OpenSSL exception>");
    }

    #[test]
    fn prose_stays_one_licence() {
        check(
            "Permission to use, copy, modify, and distribute this software and its",
            "<Permission to use, copy, modify, and>",
        );
        check(&"(".repeat(100), &format!("<{}>", "(".repeat(60)));
    }

    #[test]
    fn references_take_their_version_from_the_text() {
        let check = |name: &str, before: &str, expected: &str| {
            assert_eq!(common_license(name, before).as_deref(), Some(expected), "{name} {before}");
        };
        check("GPL-2", "version 2 of the License.", "GPL-2.0-only");
        check("GPL-2", "either version 2, or (at your option) any later version.", "GPL-2.0-or-later");
        check("GPL", "either version 2 of the License, or any later version", "GPL-2.0-or-later");
        check("GPL-3", "version 2 or later; a copy of the newest is in", "GPL-2.0-or-later");
        check("LGPL-2.1", "", "LGPL-2.1-only");
        check("GPL", "", "GPL-1.0-or-later");
        check("Apache-2.0", "", "Apache-2.0");
        check("BSD", "", "BSD-3-Clause");
        assert_eq!(common_license("nothing", ""), None);
    }

    proptest! {
        #[test]
        fn every_synopsis_becomes_a_valid_expression(synopsis in "((GPL-2\\+|Expat|foo bar|and|or|,|with|exception|[(]|[)]|x\\~y|\\PC{0,3}) ?){0,12}") {
            let mut licenses = Licenses::default();
            licenses.add_synopsis(&synopsis, &mut |name| name.to_owned());
            if let Some(expression) = licenses.finish().expression {
                prop_assert!(spdx::Expression::parse(&expression).is_ok(), "{expression}");
            }
        }
    }
}
