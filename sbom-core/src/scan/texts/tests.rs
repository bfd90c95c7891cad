//! Who compares a text changes nothing.

use std::thread;

use super::*;
use crate::{
    detect::copyright::{Copyright, Form},
    license::custom,
    limits::Limits,
};

const NAMES: [&str; 6] = ["MIT", "ISC", "Zlib", "BSD-3-Clause", "Apache-2.0", "MIT"];

/// Files that hold the texts of these licences.
fn found(names: &[&str]) -> Vec<Finding> {
    let text = |name: &&str| spdx::license_id(name).unwrap().text();
    let copyright =
        |text| Copyright { form: Form::Text, licenses: custom("a", text).into(), parts: Vec::new() };
    names.iter().map(text).map(|text| Finding::Copyright(copyright(text))).collect()
}

fn limit(bytes: u64) -> Limit {
    let mut limits = Limits::default();
    limits.set("license-bytes", bytes);
    limits.license_bytes
}

/// The licences that were found.
fn names(readings: &[(Arc<str>, Option<Reading>)]) -> Vec<String> {
    let mut names: Vec<_> =
        readings.iter().flat_map(|(_, reading)| reading.clone().unwrap().expressions).collect();
    names.sort();
    names
}

fn waiting(texts: &Texts) -> usize {
    texts.0.waiting.load(Ordering::Relaxed)
}

#[test]
fn whoever_compares_a_text_the_reading_is_the_same() {
    let texts = Texts::default();
    let mine = texts.add(&found(&NAMES), limit(u64::MAX));
    let others = texts.add(&found(&NAMES[..2]), limit(u64::MAX));
    assert!(Arc::ptr_eq(&mine[0], &mine[5]) && Arc::ptr_eq(&mine[0], &others[0]));
    assert_eq!((mine.len(), others.len(), waiting(&texts)), (6, 2, 5));

    assert_eq!(names(&texts.finish(others, &|| false)), ["ISC", "MIT"]);
    assert_eq!(waiting(&texts), 3);
    thread::scope(|scope| {
        scope.spawn(|| {
            while texts.are_waiting() {
                texts.help();
            }
        });
        let readings = texts.finish(mine, &|| false);
        assert_eq!(names(&readings), ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "Zlib"]);
        assert!(readings.is_sorted_by(|(one, _), (other, _)| one < other));
    });
    assert_eq!(waiting(&texts), 0);
    texts.help();
}

#[test]
fn nobody_waits_for_who_took_a_text_on() {
    let texts = Texts::default();
    let mine = texts.add(&found(&NAMES[..1]), limit(u64::MAX));
    assert!(texts.take_on(&mut texts.lock(), &mine[0]));
    assert!(!texts.take_on(&mut texts.lock(), &mine[0]) && !texts.are_waiting());
    assert_eq!(names(&texts.finish(mine, &|| false)), ["MIT"]);
}

#[test]
fn what_is_beyond_the_limit_is_not_compared() {
    let texts = Texts::default();
    let mine = texts.add(&found(&NAMES), limit(2500));
    assert_eq!(names(&texts.finish(mine, &|| false)), ["ISC", "MIT"]);
}

#[test]
fn a_layer_that_is_to_stop_compares_no_more() {
    let texts = Texts::default();
    let mine = texts.add(&found(&NAMES), limit(u64::MAX));
    assert_eq!(names(&texts.finish(mine[..1].to_vec(), &|| false)), ["MIT"]);
    assert_eq!(names(&texts.finish(mine, &|| true)), ["MIT"]);
    assert_eq!(waiting(&texts), 4);
}
