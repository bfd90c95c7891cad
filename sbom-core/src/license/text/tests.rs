//! Tests of recognition with texts of all kinds.

use super::*;

fn text_of(id: &str) -> &'static str {
    spdx::license_id(id).unwrap().text()
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
    assert_eq!(wrong, [], "{}", wrong.len());
}
