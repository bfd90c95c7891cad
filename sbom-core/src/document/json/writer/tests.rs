//! Every value is written as `serde_json` writes it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;

use super::*;

fn written(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    value.serialize(&mut writer).unwrap();
    writer.finish().unwrap();
    String::from_utf8(out).unwrap()
}

/// Compares with what `serde_json` makes of it.
fn check(value: &impl Serialize) {
    assert_eq!(written(value), serde_json::to_string_pretty(value).unwrap() + "\n");
}

#[derive(Serialize)]
enum Choice {
    Unit,
    New(u8),
    Pair(u8, &'static str),
    None(),
    Fields { a: Option<u8>, b: [u8; 0] },
    Nothing {},
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Pair(i64, f64);

#[test]
fn every_kind_of_value_is_written_as_serde_json_writes_it() {
    check(&Choice::Unit);
    check(&Choice::New(7));
    check(&[Choice::Pair(1, "x"), Choice::None(), Choice::Nothing {}]);
    check(&(Choice::Fields { a: None, b: [] }, Choice::Fields { a: Some(1), b: [] }));
    check(&(Unit, (), Pair(i64::MIN, 0.1), 1.0_f32, f64::NAN, 1e300, 'ä', true, u64::MAX));
    check(&(i128::MAX, u128::MAX, -1_i8, -2_i16, -3_i32, 1_u16, 2_u32, "", Some("x")));
    check(&BTreeMap::from([("a", vec![BTreeMap::<&str, u8>::new()]), ("b", vec![])]));
    check(&serde_json::json!({ "deep": [[[{ "er": [null] }]]], "e": {}, "f": [] }));
}

#[test]
fn deep_values_are_indented_by_two_spaces_each() {
    let deep = (0..100).fold(serde_json::json!(1), |inner, _| serde_json::json!([inner]));
    check(&deep);
}

#[test]
fn what_is_no_text_is_no_key() {
    let mut out = Vec::new();
    assert!(BTreeMap::from([(1, 2)]).serialize(&mut Writer::new(&mut out)).is_err());
}

#[test]
fn long_texts_and_many_values_are_handed_on_in_order() {
    let long = "a long text, \"quoted\"\n".repeat(10_000);
    check(&vec![long; 3]);
    check(&(0..100_000).collect::<Vec<u32>>());
    check(&BTreeMap::from([("k".repeat(COLLECTED), 1), ("l".repeat(3 * COLLECTED), 2)]));
}

proptest! {
    #[test]
    fn texts_are_escaped_as_serde_json_escapes_them(text in any::<String>(), bytes: Vec<u8>) {
        let ascii: String = bytes.iter().map(|byte| char::from(byte & 0x7f)).collect();
        check(&[&text, &ascii, &format!("{}{text}", "plain text before it"), &(ascii.clone() + &text)]);
    }
}

/// Writes an array of the numbers below `count` that `divisor` divides, by so many threads.
fn array_written(jobs: NonZeroUsize, count: usize, divisor: usize) -> String {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    let mut object = writer.object();
    let item = |n: usize| n.is_multiple_of(divisor).then(|| [n.to_string().repeat(50)]);
    object.array(jobs, "a", count, &item).unwrap();
    object.field("b", &1).unwrap();
    object.finish().unwrap();
    writer.finish().unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_long_array_is_written_as_a_short_one() {
    for count in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 7, 100 * BLOCK] {
        for divisor in [1, 3, BLOCK + 1, 1 << 20] {
            let items = (0..count).filter(|n| n.is_multiple_of(divisor));
            let items: Vec<_> = items.map(|n| [n.to_string().repeat(50)]).collect();
            let expected = serde_json::json!({ "a": items, "b": 1 });
            let expected = serde_json::to_string_pretty(&expected).unwrap() + "\n";
            for jobs in [1, 2, 3, 64] {
                assert_eq!(array_written(NonZeroUsize::new(jobs).unwrap(), count, divisor), expected);
            }
        }
    }
}

#[test]
fn an_item_that_cannot_be_written_ends_a_long_array() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    let mut object = writer.object();
    let bad =
        object.array(NonZeroUsize::MIN, "a", 10 * BLOCK, &|n| Some(BTreeMap::from([(n, n)]))).unwrap_err();
    assert_eq!(bad.to_string(), "the key of an object is no text");
}
