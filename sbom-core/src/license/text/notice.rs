//! Notices that put something under a licence without repeating it, in the words that the licences themselves
//! ask for; and the sentences around them that grant nothing.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use super::{pattern::Pattern, words::Words, work::Work};
use crate::license::names;

/// A notice found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    /// Its words.
    pub(super) words: Range<usize>,
    /// The licence that it names, if it does more than accompany one.
    pub(super) license: Option<String>,
}

/// What a pattern says.
#[derive(Debug, Clone, Copy)]
enum Says {
    /// Nothing of its own.
    Nothing,
    /// This expression.
    License(&'static str),
    /// The version of a GNU licence that the pattern's number is, and no other.
    Only(&'static str),
    /// That version or a later one.
    Later(&'static str),
    /// That version of the GNU manuals' licence, without invariant sections.
    ManualOnly,
    /// That version of it or a later one.
    ManualLater,
}

/// The GNU licences by their names.
const GNU: &[(&str, &str)] = &[
    ("general public license", "GPL"),
    ("lesser general public license", "LGPL"),
    ("library general public license", "LGPL"),
    ("affero general public license", "AGPL"),
];

/// Ways to put something under `{}`; `or later` in any wording.
const LATER: &[&str] = &[
    "{} [as] [published by the free software foundation [inc]] [either] version # [dated june #] [of the license] (or|and) [at your option] any (later|newer) version",
    "{} [as] [published by the free software foundation [inc]] [either] version # [of the license] or (later|newer|greater|above|higher)",
    "{} as published by the free software foundation [inc] either [version] # [of the license] or [at your option] any later version",
];

/// Ways to put something under one version of `{}`.
const ONLY: &[&str] = &[
    "{} as published by the free software foundation [inc] version # [of the license] [only] !(or|and|with|any|at|of|dated|either)",
    "{} version # [only] as published by the free software foundation [inc] !(or|and|with|either|version|any|at|of)",
    "{} version # only",
];

/// The same where the version comes before the name.
const VERSION_FIRST: &[(&str, bool)] = &[
    (
        "terms of [either] version # [of the license] or [at your option] any later version of the gnu {}",
        true,
    ),
    ("terms of version # or (later|newer) of the gnu {}", true),
    (
        "terms of version # of the gnu {} as published by the free software foundation [inc] or [at your option] any later version",
        true,
    ),
    (
        "terms of version # of the gnu {} [as published by the free software foundation [inc]] !(or|and|with|as|either|any|at|of)",
        false,
    ),
];

const OTHERS: &[(&str, Says)] = &[
    (
        "same terms [and conditions] as [the] perl [5] [itself|interpreter|core] [language]",
        Says::License("Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ),
    (
        "terms of either the gnu general public license as published by the free software foundation [inc] either version 1 or at your option any later version or the artistic license [which comes with (perl|this kit)]",
        Says::License("Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ),
    (
        "terms of either the artistic license or the gnu general public license as published by the free software foundation either version 1 of the license or at your option any later version",
        Says::License("Artistic-1.0-Perl OR GPL-1.0-or-later"),
    ),
    (
        "licensed under the apache license version 2.0 the license you may not use * except in compliance with the license you may obtain a copy of the license at * unless required by applicable law or agreed to in writing software distributed under the license is distributed on an as is basis without warranties or conditions of any kind either express or implied see the license for the specific language governing permissions and limitations under the license",
        Says::License("Apache-2.0"),
    ),
    (
        "this source code form is subject to the terms of the mozilla public license v 2.0 if a copy of the mpl was not distributed with this file you can obtain one at http [www] mozilla org mpl 2.0",
        Says::License("MPL-2.0"),
    ),
    (
        "distributed under the boost software license version 1.0 [see * copy at http * license 1 0 txt]",
        Says::License("BSL-1.0"),
    ),
    (
        "permission is granted to copy distribute and or modify (this|the) * under the terms of the gnu free documentation license version # or any later version published by the free software foundation with no invariant sections [with] no front cover texts and [with] no back cover texts",
        Says::ManualLater,
    ),
    (
        "permission is granted to copy distribute and or modify (this|the) * under the terms of the gnu free documentation license version # with no invariant sections [with] no front cover texts and [with] no back cover texts",
        Says::ManualOnly,
    ),
    // What stands around.
    (
        "free software you (can|may) (redistribute|copy distribute) (it|them)[and or modify (it|them)]",
        Says::Nothing,
    ),
    (
        "free software you (can|may) (redistribute|copy distribute) and or modify [(it|them|this *)]",
        Says::Nothing,
    ),
    (
        "distributed in the hope that (it|they) (will|may) be useful but without any warranty [without even the implied warranty of merchantability or fitness for a particular purpose] [see [either] the [gnu] * license [or the artistic license] for more details]",
        Says::Nothing,
    ),
    ("see the gnu * license for more details", Says::Nothing),
    (
        "you should have received a copy of the [gnu] * license [version #] [(along|together) with this *]",
        Says::Nothing,
    ),
    (
        "you should have received a copy of the [gnu] * license * * if not see http www gnu org licenses",
        Says::Nothing,
    ),
    (
        "you should have received a copy of the [gnu] * license * * if not (write to|see|contact) [the] free software foundation [inc] [(51|59|675) * (usa|1301|1307|02139)] [usa]",
        Says::Nothing,
    ),
    ("if not (write to|see|contact) the free software foundation [inc]", Says::Nothing),
    ("if not see http www gnu org licenses", Says::Nothing),
    (
        "a copy of the license is included in the section entitled gnu free documentation license",
        Says::Nothing,
    ),
    (
        "debian * (system|systems|distribution) * (text|copy|version|license|found|licenses) * * usr share common licenses {}",
        Says::Nothing,
    ),
    ("text of (the|version) * (license|gpl|lgpl|licenses) * usr share common licenses {}", Says::Nothing),
    ("copy of the * (license|gpl|lgpl) * usr share common licenses {}", Says::Nothing),
    ("see [the] [file] usr share common licenses {}", Says::Nothing),
    ("all rights reserved", Says::Nothing),
];

/// What a reference to one of Debian's common licences ends with.
const COMMON: &str = "[(gpl|lgpl|gfdl|apache|artistic|bsd|mpl|cc0)] [#] [file]";

/// Patterns by their first word.
static PATTERNS: LazyLock<HashMap<String, Vec<(Pattern, Says)>>> = LazyLock::new(|| {
    let mut patterns: HashMap<String, Vec<(Pattern, Says)>> = HashMap::new();
    let mut add = |text: &str, says: Says| {
        let pattern = Pattern::new(text);
        patterns.entry(pattern.first().to_owned()).or_default().push((pattern, says));
    };
    for (name, family) in GNU {
        for start in ["terms of the gnu", "under the gnu"] {
            let name = format!("{start} {name} [(gpl|lgpl|agpl)]");
            for way in LATER {
                add(&way.replace("{}", &name), Says::Later(family));
            }
            for way in ONLY {
                add(&way.replace("{}", &name), Says::Only(family));
            }
        }
        for (way, later) in VERSION_FIRST {
            let says = if *later { Says::Later(family) } else { Says::Only(family) };
            add(&way.replace("{}", name), says);
        }
    }
    for (way, says) in OTHERS {
        add(&way.replace("{}", COMMON), *says);
    }
    patterns
});

/// The longest notice that begins with the word `at`.
pub(super) fn notice_at(words: &Words, at: usize, work: &mut Work) -> Option<Notice> {
    let patterns = PATTERNS.get(words.get(at))?;
    let mut longest: Option<Notice> = None;
    for (pattern, says) in patterns {
        let Some(matched) = pattern.matches(words, at, work) else { continue };
        if longest.as_ref().is_some_and(|longest| longest.words.end >= matched.end) {
            continue;
        }
        let license = license(*says, matched.number.as_deref().unwrap_or_default());
        // There is no such version.
        if license.is_none() && !matches!(says, Says::Nothing) {
            continue;
        }
        longest = Some(Notice { words: at..matched.end, license });
    }
    longest
}

/// The expression, if there is one for this version.
fn license(says: Says, number: &str) -> Option<String> {
    let number = number.trim_start_matches('v');
    match says {
        Says::Nothing => None,
        Says::License(expression) => Some(expression.to_owned()),
        Says::Only(family) => names::license(&format!("{family}-{number}")),
        Says::Later(family) => names::license(&format!("{family}-{number}+")),
        Says::ManualOnly => names::license(&format!("GFDL-{number}-no-invariants-only")),
        Says::ManualLater => names::license(&format!("GFDL-{number}-no-invariants-or-later")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The licences that the notices of `text` name, and the words that belong to none.
    fn check(text: &str, expected: &[&str]) {
        let words = Words::of(text);
        let found: Vec<String> = (0..words.len())
            .filter_map(|at| notice_at(&words, at, &mut Work::new(100_000))?.license)
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_notices_of_gnu_licences_are_read() {
        for (text, expected) in [
            (
                "under the terms of the GNU General Public License as published by the Free Software Foundation; either version 2 of the License, or (at your option) any later version.",
                "GPL-2.0-or-later",
            ),
            (
                "under the terms of the GNU Lesser General Public License as\n * published by the Free Software Foundation; either version 2.1, or (at your option) any later version.",
                "LGPL-2.1-or-later",
            ),
            (
                "under the terms of the GNU Library General Public Licence as published by the Free Software Foundation, Inc.; either version 2 of the Licence, or any later version",
                "LGPL-2.0-or-later",
            ),
            (
                "under the terms of version 2 of the GNU General Public License as published by the Free Software Foundation. This",
                "GPL-2.0-only",
            ),
            (
                "under the terms of the GNU General Public License version 2 as published by the Free Software Foundation.",
                "GPL-2.0-only",
            ),
            (
                "under the terms of the GNU General Public License as published by the Free Software Foundation; version 3 of the License. This",
                "GPL-3.0-only",
            ),
            ("under the terms of the GNU General Public License version 3 or later.", "GPL-3.0-or-later"),
            (
                "under the terms of the GNU Affero General Public License, version 3 or any later version",
                "AGPL-3.0-or-later",
            ),
            (
                "under the terms of version 2 of the GNU General Public License as published by the Free Software Foundation, or (at your option) any later version",
                "GPL-2.0-or-later",
            ),
        ] {
            check(text, &[expected]);
        }
    }

    #[test]
    fn what_may_mean_more_is_not_read() {
        for text in [
            "under the terms of the GNU General Public License.",
            "under the terms of the GNU General Public License version 2 or version 3",
            "under the terms of the GNU General Public License, version 2, with the exception",
            "under the terms of the GNU General Public License as published by the Free Software Foundation; version 2 or 3",
            "under the terms of the GNU General Public License as published by the Free Software Foundation; either version 7, or (at your option) any later version",
            "the GNU General Public License, version 2",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn other_notices_are_read() {
        check("it under the same terms as Perl itself.", &["Artistic-1.0-Perl OR GPL-1.0-or-later"]);
        check(
            "the terms of either:\n\n a) the GNU General Public License as published by the Free Software\n Foundation; either version 1, or (at your option) any later version, or\n b) the \"Artistic License\" which comes with Perl.",
            &["Artistic-1.0-Perl OR GPL-1.0-or-later"],
        );
        check(
            "Permission is granted to copy, distribute and/or modify this document under the terms of the GNU Free Documentation License, Version 1.3 or any later version published by the Free Software Foundation; with no Invariant Sections, no Front-Cover Texts, and no Back-Cover Texts.",
            &["GFDL-1.3-no-invariants-or-later"],
        );
    }

    #[test]
    fn what_stands_around_a_notice_is_part_of_it() {
        let text = "This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details.";
        let words = Words::of(text);
        let notice = notice_at(&words, 3, &mut Work::new(100_000)).unwrap();
        assert_eq!(notice, Notice { words: 3..words.len(), license: None });
    }
}
