//! Names of single licences and exceptions: SPDX identifiers in any case, those that SPDX has replaced, and the
//! spellings that packages use instead.
//!
//! Sources: the SPDX licence list with its notes on deprecated identifiers, and the licence fields of Alpine
//! and Debian packages.

use std::{collections::BTreeMap, sync::LazyLock};

/// The licence called `name`, as a canonical SPDX identifier (with `+` or `WITH …` where the name says so).
pub(super) fn license(name: &str) -> Option<String> {
    let name = name.trim();
    if let Some(id) = listed(&name.to_ascii_lowercase()) {
        return Some(id);
    }
    let key = key(name);
    if let Some(id) = gnu(&key).or_else(|| listed(&key)).or_else(|| alias(&key)) {
        return Some(id);
    }
    let base = key.strip_suffix('+').or_else(|| key.strip_suffix("-or-later"));
    if let Some(base) = base {
        // `+` stands after an identifier, never after an exception.
        return listed(base).or_else(|| numbered(base)).filter(|id| !id.contains(' ')).map(|id| id + "+");
    }
    numbered(&key)
}

/// The exception called `name`, as its SPDX identifier.
pub(super) fn exception(name: &str) -> Option<&'static str> {
    let key = key(name);
    let key = match key.as_str() {
        "classpath" | "classpath-exception" => "classpath-exception-2.0",
        "font-exception" => "font-exception-2.0",
        "bison-exception" => "bison-exception-2.2",
        "llvm" => "llvm-exception",
        "linux-syscall" => "linux-syscall-note",
        "nokia-qt-exception-1.1" => "qt-lgpl-exception-1.1",
        other => other,
    };
    EXCEPTIONS.get(key).copied()
}

/// A word that names a licence, or a family of licences, though no SPDX identifier stands for it; in one spelling.
pub(super) fn family(name: &str) -> Option<&'static str> {
    let key = name.to_ascii_lowercase().split_whitespace().collect::<Vec<_>>().join("-");
    FAMILIES.iter().find(|(spelling, _)| *spelling == key).map(|(_, name)| *name)
}

const FAMILIES: &[(&str, &str)] = &[
    ("apache", "Apache"),
    ("artistic", "Artistic"),
    ("as-is", "as-is"),
    ("bsd", "BSD"),
    ("bsd-like", "BSD-like"),
    ("bsd-style", "BSD-style"),
    ("custom", "custom"),
    ("freeware", "freeware"),
    ("gfdl", "GFDL"),
    ("gpl", "GPL"),
    ("lgpl", "LGPL"),
    ("mpl", "MPL"),
    ("openldap", "OpenLDAP"),
    ("pd", "public-domain"),
    ("perl", "Perl"),
    ("php", "PHP"),
    ("psf", "PSF"),
    ("public-domain", "public-domain"),
    ("publicdomain", "public-domain"),
    ("python", "Python"),
];

/// Identifiers by their lower-case form; deprecated ones are in [`REPLACED`], if anything replaces them.
static LICENSES: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    spdx::identifiers::LICENSES
        .iter()
        .filter(|license| spdx::license_id(license.name).is_some_and(|id| !id.is_deprecated()))
        .map(|license| (license.name.to_ascii_lowercase(), license.name))
        .collect()
});

static EXCEPTIONS: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    spdx::identifiers::EXCEPTIONS
        .iter()
        .filter(|exception| spdx::exception_id(exception.name).is_some_and(|id| !id.is_deprecated()))
        .map(|exception| (exception.name.to_ascii_lowercase(), exception.name))
        .collect()
});

/// What stands for deprecated identifiers that are more than a GNU licence without `-only`.
const REPLACED: &[(&str, &str)] = &[
    ("bsd-2-clause-freebsd", "BSD-2-Clause-Views"),
    ("bsd-2-clause-netbsd", "BSD-2-Clause"),
    ("bzip2-1.0.5", "bzip2-1.0.6"),
    ("ecos-2.0", "GPL-2.0-or-later WITH eCos-exception-2.0"),
    ("gpl-2.0-with-autoconf-exception", "GPL-2.0-only WITH Autoconf-exception-2.0"),
    ("gpl-2.0-with-bison-exception", "GPL-2.0-only WITH Bison-exception-2.2"),
    ("gpl-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ("gpl-2.0-with-font-exception", "GPL-2.0-only WITH Font-exception-2.0"),
    ("gpl-2.0-with-gcc-exception", "GPL-2.0-only WITH GCC-exception-2.0"),
    ("gpl-3.0-with-autoconf-exception", "GPL-3.0-only WITH Autoconf-exception-3.0"),
    ("gpl-3.0-with-gcc-exception", "GPL-3.0-only WITH GCC-exception-3.1"),
    ("nunit", "zlib-acknowledgement"),
    ("standardml-nj", "SMLNJ"),
    ("wxwindows", "LGPL-2.0-or-later WITH WxWindows-exception-3.1"),
];

const ALIASES: &[(&str, &str)] = &[
    ("0-clause-bsd", "0BSD"),
    ("2-clause-bsd", "BSD-2-Clause"),
    ("3-clause-bsd", "BSD-3-Clause"),
    ("4-clause-bsd", "BSD-4-Clause"),
    ("artistic-1.0-perl", "Artistic-1.0-Perl"),
    ("artistic-perl", "Artistic-1.0-Perl"),
    ("asl-2", "Apache-2.0"),
    ("asl-2.0", "Apache-2.0"),
    ("asl2", "Apache-2.0"),
    ("asl2.0", "Apache-2.0"),
    ("boost", "BSL-1.0"),
    ("boost-1.0", "BSL-1.0"),
    ("bsd-0-clause", "0BSD"),
    ("bsd-2", "BSD-2-Clause"),
    ("bsd-2-clauses", "BSD-2-Clause"),
    ("bsd-2clause", "BSD-2-Clause"),
    ("bsd-3", "BSD-3-Clause"),
    ("bsd-3-clauses", "BSD-3-Clause"),
    ("bsd-3clause", "BSD-3-Clause"),
    ("bsd-4", "BSD-4-Clause"),
    ("bsd-4clause", "BSD-4-Clause"),
    ("bsd-new", "BSD-3-Clause"),
    ("bsd-simplified", "BSD-2-Clause"),
    ("bsd2", "BSD-2-Clause"),
    ("bsd3", "BSD-3-Clause"),
    ("cc0", "CC0-1.0"),
    ("cc0-1", "CC0-1.0"),
    ("eclipse-public-1.0", "EPL-1.0"),
    ("eclipse-public-2.0", "EPL-2.0"),
    ("expat", "MIT"),
    ("mit-expat", "MIT"),
    ("mit-x11", "MIT"),
    ("mit/expat", "MIT"),
    ("mit/x11", "MIT"),
    ("modified-bsd", "BSD-3-Clause"),
    ("mozilla-public-1.1", "MPL-1.1"),
    ("mozilla-public-2.0", "MPL-2.0"),
    ("new-bsd", "BSD-3-Clause"),
    ("perl-artistic", "Artistic-1.0-Perl"),
    ("perlartistic", "Artistic-1.0-Perl"),
    ("sil-ofl-1.1", "OFL-1.1"),
    ("simplified-bsd", "BSD-2-Clause"),
    ("unlicence", "Unlicense"),
    ("wtfpl-2", "WTFPL"),
    ("wtfpl2", "WTFPL"),
    ("wtfplv2", "WTFPL"),
    ("zlib-libpng", "Zlib"),
    ("zlib/libpng", "Zlib"),
];

fn listed(lower: &str) -> Option<String> {
    LICENSES.get(lower).copied().or_else(|| find(REPLACED, lower)).map(str::to_owned)
}

fn alias(key: &str) -> Option<String> {
    find(ALIASES, key).map(str::to_owned)
}

fn find(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(name, _)| *name == key).map(|(_, id)| *id)
}

/// The name in lower case, its words joined by `-`, without those that tell nothing.
fn key(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| c.is_whitespace() || matches!(c, '_' | ','))
        .filter(|word| !matches!(*word, "" | "the" | "license" | "licence" | "version" | "gnu"))
        .collect();
    let key = words.join("-");
    let key = key.strip_suffix("-license").or_else(|| key.strip_suffix("-licence")).unwrap_or(&key);
    key.to_owned()
}

/// A GNU licence in any of its spellings: `GPL2`, `gplv2+`, `LGPL-2.1-or-later`, `general public v3 or later`.
/// Without `+` it is the version named and no other, as SPDX reads its old `GPL-2.0`. `GPL+` is any version.
fn gnu(key: &str) -> Option<String> {
    const PREFIXES: &[(&str, &str)] = &[
        ("affero-general-public", "AGPL"),
        ("lesser-general-public", "LGPL"),
        ("library-general-public", "LGPL"),
        ("general-public", "GPL"),
        ("free-documentation", "GFDL"),
        ("agpl", "AGPL"),
        ("lgpl", "LGPL"),
        ("gfdl", "GFDL"),
        ("gpl", "GPL"),
        ("fdl", "GFDL"),
    ];
    let key = key.strip_prefix("gnu-").unwrap_or(key);
    let (rest, family) =
        PREFIXES.iter().find_map(|(prefix, family)| Some((key.strip_prefix(prefix)?, family)))?;
    if rest == "+" {
        let first = match *family {
            "GPL" => "GPL-1.0-or-later",
            "LGPL" => "LGPL-2.0-or-later",
            _ => return None,
        };
        return Some(first.to_owned());
    }
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let rest = rest.strip_prefix('v').unwrap_or(rest);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (number, suffix) = rest.split_at_checked(end)?;
    let number = if number.contains('.') { number.to_owned() } else { format!("{number}.0") };
    let suffix = match suffix {
        "" | "-only" => "only",
        "+" | "-or-later" | "-or-newer" | "-or-greater" | "-or-any-later" => "or-later",
        _ => return None,
    };
    listed(&format!("{family}-{number}-{suffix}").to_ascii_lowercase())
}

/// A listed name with its version in another form: `MPL2`, `mplv2.0`, `Apache-2`.
fn numbered(key: &str) -> Option<String> {
    let start = key.rfind(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (name, number) = key.split_at_checked(start + key.get(start..)?.chars().next()?.len_utf8())?;
    if number.is_empty() {
        return None;
    }
    let name = match name.strip_suffix('v') {
        Some(short) if !short.is_empty() => short,
        _ => name,
    };
    let name = name.strip_suffix('-').unwrap_or(name);
    listed(&format!("{name}-{number}")).or_else(|| listed(&format!("{name}-{number}.0")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_lead_to_identifiers() {
        for (name, id) in [
            ("mit", "MIT"),
            ("Expat", "MIT"),
            ("MIT/X11", "MIT"),
            ("Apache 2.0", "Apache-2.0"),
            ("Apache-2", "Apache-2.0"),
            ("Apache License, Version 2.0", "Apache-2.0"),
            ("ASL 2.0", "Apache-2.0"),
            ("GPL2", "GPL-2.0-only"),
            ("GPL-2", "GPL-2.0-only"),
            ("GPLv2+", "GPL-2.0-or-later"),
            ("GPL2+", "GPL-2.0-or-later"),
            ("GPL-2.0", "GPL-2.0-only"),
            ("GPL-2.0+", "GPL-2.0-or-later"),
            ("GPL-2.0-or-later", "GPL-2.0-or-later"),
            ("GPL+", "GPL-1.0-or-later"),
            ("GNU General Public License v3 or later", "GPL-3.0-or-later"),
            ("LGPL2.1+", "LGPL-2.1-or-later"),
            ("LGPL-2", "LGPL-2.0-only"),
            ("AGPL3", "AGPL-3.0-only"),
            ("GFDL-1.3", "GFDL-1.3-only"),
            ("MPL2", "MPL-2.0"),
            ("MPLv1.1", "MPL-1.1"),
            ("MPL-2.0+", "MPL-2.0+"),
            ("cc-by-sa-3", "CC-BY-SA-3.0"),
            ("BSD-3-clause", "BSD-3-Clause"),
            ("wxWindows", "LGPL-2.0-or-later WITH WxWindows-exception-3.1"),
            ("GPL-2.0-with-classpath-exception", "GPL-2.0-only WITH Classpath-exception-2.0"),
            ("zlib License", "Zlib"),
        ] {
            assert_eq!(license(name).as_deref(), Some(id), "{name}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_unknown_has_no_identifier() {
        for name in [
            "BSD", "GPL", "LGPL-2.2", "Artistic", "custom", "Apache", "Foo-1.0", "", "-", "+", "v", "é2",
            "Net-SNMP",
        ] {
            assert_eq!(license(name), None, "{name}");
        }
        assert_eq!(family("Public Domain"), Some("public-domain"));
        assert_eq!(exception("classpath exception"), Some("Classpath-exception-2.0"));
        assert_eq!(exception("my own"), None);
        assert_eq!(exception("llvm-exception"), Some("LLVM-exception"));
    }

    #[test]
    fn every_replacement_is_itself_valid() {
        for (_, id) in REPLACED.iter().chain(ALIASES) {
            assert!(spdx::Expression::parse(id).is_ok(), "{id}");
        }
    }
}
