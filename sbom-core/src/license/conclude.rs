//! What a package declares → what follows from the texts that it ships.
//!
//! Declared is what the packager says: an identifier, a name, a reference to one of Debian's common licences. Concluded
//! is what this program reads in a text that the packager left to be read. The two are never mixed: a conclusion takes
//! nothing from what is declared, and where nothing was recognised there is none.

use std::collections::BTreeMap;

use super::{CustomLicense, Licensing, all_of, declare, rename, text::Reading};

/// The declared expression with what `read` recognises in the text of a `LicenseRef-…` in its place. Where a text says
/// more than was recognised its `LicenseRef-…` stays beside it, and so do those of texts in which nothing was.
/// Empty if nothing was recognised at all.
pub fn conclude(declared: &Licensing, mut read: impl FnMut(&CustomLicense) -> Option<Reading>) -> Licensing {
    let mut read_as: BTreeMap<String, String> = BTreeMap::new();
    let mut left = Vec::new();
    for license in &declared.custom {
        let reading = read(license);
        if reading.as_ref().is_none_or(|reading| !reading.complete) {
            left.push(license.clone());
        }
        let Some(reading) = reading else { continue };
        let itself = (!reading.complete).then(|| Licensing::from(license.clone()));
        let known = reading.expressions.iter().map(|expression| declare(expression));
        if let Some(expression) = all_of(known.chain(itself)).expression {
            let joined = [" AND ", " OR "].iter().any(|operator| expression.contains(operator));
            let expression = if joined { format!("({expression})") } else { expression };
            read_as.insert(license.id.clone(), expression);
        }
    }
    let Some(expression) = declared.expression.as_deref().filter(|_| !read_as.is_empty()) else {
        return Licensing::default();
    };
    let expression = rename(expression, &read_as);
    Licensing { expression: simplified(&expression), custom: left }
}

/// Without parentheses that nothing needs, each condition once.
fn simplified(expression: &str) -> Option<String> {
    let once =
        |expression| all_of([Licensing { expression: Some(expression), custom: Vec::new() }]).expression;
    // The first pass opens parentheses, the second looks into them.
    once(once(expression.to_owned())?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::license::custom;

    /// `MIT=X11` in `readings` reads the licence `MIT` as `X11`; with `…` behind it there is more in its text.
    fn check(declared: &str, readings: &[&str], expected: Option<&str>) {
        let declared = declare(declared);
        let concluded = conclude(&declared, |license| {
            let reading =
                readings.iter().find_map(|reading| reading.strip_prefix(&format!("{}=", license.name)))?;
            let all = reading.trim_end_matches('…');
            Some(Reading {
                expressions: all.split('&').map(str::to_owned).collect(),
                complete: all == reading,
            })
        });
        let short = |license: &CustomLicense| (license.id.clone(), format!("<{}>", license.name));
        let names: BTreeMap<String, String> = declared.custom.iter().map(short).collect();
        let found = concluded.expression.map(|expression| rename(&expression, &names));
        assert_eq!(found.as_deref(), expected);
        assert!(concluded.custom.iter().all(|license| found.as_ref().unwrap().contains(&license.name)));
    }

    #[test]
    fn what_is_recognised_takes_the_place_of_its_reference() {
        check("LicenseRef-a", &["a=MIT"], Some("MIT"));
        check("ISC AND LicenseRef-a", &["a=MIT"], Some("ISC AND MIT"));
        check("ISC AND LicenseRef-a", &["a=MIT&ISC"], Some("ISC AND MIT"));
        check("LicenseRef-a OR ISC", &["a=MIT"], Some("MIT OR ISC"));
        check("ISC AND LicenseRef-a", &["a=MIT OR ISC"], Some("ISC AND (MIT OR ISC)"));
        check("ISC OR LicenseRef-a", &["a=MIT&Zlib"], Some("ISC OR (MIT AND Zlib)"));
    }

    #[test]
    fn what_is_not_recognised_stays() {
        check("LicenseRef-a AND LicenseRef-b", &["a=MIT"], Some("<b> AND MIT"));
        check("LicenseRef-a", &["a=MIT…"], Some("<a> AND MIT"));
        check("ISC OR LicenseRef-a", &["a=MIT…"], Some("ISC OR (<a> AND MIT)"));
    }

    #[test]
    fn without_anything_recognised_nothing_is_concluded() {
        check("MIT", &[], None);
        check("", &[], None);
        check("LicenseRef-a OR MIT", &[], None);
    }

    proptest! {
        #[test]
        fn every_conclusion_is_a_valid_expression(
            declared in "(LicenseRef-[abc]|MIT|[(](LicenseRef-[abc] (OR|AND) ISC)[)])( (AND|OR) (LicenseRef-[abc]|Zlib)){0,4}",
            complete: bool,
        ) {
            let declared = declare(&declared);
            let expressions = ["X11 OR NTP".to_owned(), "0BSD".to_owned()];
            let reading = Reading { expressions: expressions.into(), complete };
            let concluded = conclude(&declared, |license| (license.name != "b").then(|| reading.clone()));
            if let Some(expression) = concluded.expression {
                prop_assert!(spdx::Expression::parse(&expression).is_ok(), "{}", expression);
            }
        }
    }

    #[test]
    fn texts_are_shared_not_copied() {
        let declared = Licensing::from(custom("a", "some text"));
        let reading = Reading { expressions: ["MIT".to_owned()].into(), complete: false };
        let concluded = conclude(&declared, |_| Some(reading.clone()));
        assert!(std::sync::Arc::ptr_eq(&declared.custom[0].text, &concluded.custom[0].text));
    }
}
