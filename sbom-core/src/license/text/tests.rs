//! Tests of recognition with texts of all kinds.

use proptest::prelude::*;

use super::*;

const NOTICE: &str = "This program is free software; you can redistribute it and/or modify it under the terms of the GNU \
    General Public License as published by the Free Software Foundation; either version 2 of the License, or (at your \
    option) any later version.\n";

fn text_of(id: &str) -> &'static str {
    spdx::license_id(id).unwrap().text()
}

/// `expected` are the expressions; a `…` at the end says that there is more.
fn check(text: &str, expected: &[&str]) {
    let found = recognise(text).map(|reading| {
        let mut found: Vec<String> = reading.expressions.into_iter().collect();
        found.extend((!reading.complete).then(|| "…".to_owned()));
        found
    });
    assert_eq!(found.unwrap_or_default(), expected, "{text:.200}");
}

#[test]
fn every_listed_text_is_recognised_as_itself() {
    let list = List::get();
    let mut wrong = Vec::new();
    for license in &list.licenses {
        let words = Words::of(text_of(license.id));
        let mut work = Work::new(10_000_000);
        let found: Vec<_> =
            texts(&words, &mut work).iter().map(|(index, _)| list.licenses[*index].id).collect();
        if !found.contains(&license.id) {
            wrong.push((license.id, found));
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn a_copyright_file_around_a_licence_changes_nothing() {
    let mit = text_of("MIT").replace("<year> <copyright holders>", "2001 A. Author <a@b.org>");
    check(
        &format!("This package was debianized by B. <b@c.org>.\n\nLicense:\n\n{mit}\n\nAll rights reserved."),
        &["MIT"],
    );
    let quoted: String = mit.lines().map(|line| format!(" * {line}\n")).collect();
    check(&format!("/*\n{quoted} */"), &["MIT"]);
    check(&format!("{mit}\n----\n{}", text_of("ISC")), &["ISC", "MIT"]);
}

#[test]
fn the_longer_of_two_licences_is_recognised() {
    check(text_of("X11"), &["X11"]);
    check(text_of("BSD-4-Clause-UC"), &["BSD-4-Clause-UC"]);
}

#[test]
fn a_licence_with_another_condition_is_not_that_licence() {
    let mit = text_of("MIT");
    check(&mit.replace("without restriction", "with restrictions"), &[]);
    check(&mit.replace("free of charge, to any person", "to any person"), &[]);
    check(&format!("{mit}\nThe Software must not be sold."), &["MIT", "…"]);
    let bsd = text_of("BSD-3-Clause");
    check(&bsd.replace("Neither the name of", "Not even the name of"), &[]);
}

#[test]
fn a_choice_or_an_exception_in_other_words_is_left_alone() {
    let mit = text_of("MIT");
    check(&format!("{mit}\nAlternatively, you may use it under the GPL."), &[]);
    check(&format!("{mit}\nAlternatively, do as you like."), &[]);
    check(&format!("{mit}\nOR\n\n{}", text_of("ISC")), &[]);
    check(&format!("{NOTICE}\nAs a special exception, you may link it with OpenSSL."), &[]);
}

#[test]
fn the_text_of_a_gnu_licence_needs_a_notice() {
    let gpl = text_of("GPL-2.0-only");
    check(gpl, &[]);
    check(&format!("{NOTICE}\n{gpl}"), &["GPL-2.0-or-later"]);
    check(&format!("{NOTICE}\n{}", text_of("LGPL-2.1-only")), &["GPL-2.0-or-later", "…"]);
}

#[test]
fn what_follows_an_appendix_is_read() {
    let apache = text_of("Apache-2.0");
    check(&format!("{apache}\n\n{}", text_of("ISC")), &["Apache-2.0", "ISC"]);
    check(&format!("{apache}\n\nYou must not use it."), &["Apache-2.0", "…"]);
}

#[test]
fn names_and_short_texts_are_no_licences() {
    check("", &[]);
    check("GPL-2+", &[]);
    check("This is in the public domain, and you may do with it what you like.", &[]);
}

#[test]
fn repetition_costs_no_more_than_its_length() {
    let line =
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this software\n";
    let started = std::time::Instant::now();
    check(&line.repeat(20_000), &[]);
    check(&"under the terms of the gnu general public license either version ".repeat(20_000), &[]);
    check(&"(a) 1. ".repeat(200_000), &[]);
    check(&"non-".repeat(200_000), &[]);
    check(&format!("{NOTICE}{}", "the license ".repeat(100_000)), &["GPL-2.0-or-later", "…"]);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

proptest! {
    #[test]
    fn any_text_is_read(parts in proptest::collection::vec(prop_oneof![
        Just("Permission is hereby granted, free of charge, to any person obtaining a copy"),
        Just("under the terms of the GNU General Public License as published by the Free Software Foundation;"),
        Just("either version 2 of the License, or (at your option) any later version."),
        Just("\n\n"), Just("ſİ\u{301}"), Just("1."), Just("-\n"), Just("'"), Just("distributed in the hope that it will"),
    ], 0..40)) {
        let _ = recognise(&parts.join(" "));
    }
}
