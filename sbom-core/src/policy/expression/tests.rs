//! What conditions mean, and what they may cost.

use serde_json::json;

use super::*;

#[track_caller]
fn check(text: &str, expected: &Result<bool, ConditionError>) {
    let predicate = json!({
        "ref": "refs/tags/v1.2", "n": 3, "f": 2.5, "list": ["a", "b"], "nothing": null, "yes": true,
        "buildDefinition": {"externalParameters": {"workflow": {"ref": "refs/tags/v1"}}},
        "materials": [{"uri": "git+https://a"}, {"uri": "pkg:docker/x", "extra": 1}],
    });
    let kind = json!("https://slsa.dev/provenance/v1");
    let scope = Scope::of(&[("predicate", &predicate), ("predicateType", &kind)]);
    assert_eq!(Expression::parse(text).unwrap().holds(&scope), *expected, "{text}");
}

#[test]
fn conditions_mean_what_they_mean_in_cel() {
    for text in [
        "predicate.buildDefinition.externalParameters.workflow.ref.startsWith('refs/tags/')",
        "predicate['ref'].endsWith(\"v1.2\") && predicate.ref.contains('tags')",
        "predicate.ref.matches('^refs/tags/v[0-9.]+$')",
        "predicate.n == 3 && predicate.n != 4 && predicate.n > 2 && predicate.n <= 3 && predicate.f < 3",
        "predicate.n > -1",
        "'a' in predicate.list && !('c' in predicate.list) && predicate.n in [1, 2, 3]",
        "'ref' in predicate && has(predicate.ref) && !has(predicate.other)",
        "size(predicate.list) == 2 && predicate.list[1] == 'b' && predicate.ref.size() == 14",
        "predicate.nothing == null && predicate.yes",
        "predicate.materials.all(m, m.uri.contains(':')) && predicate.materials.exists(m, has(m.extra))",
        "predicateType == 'https://slsa.dev/provenance/v1'",
        "false || true && true",
        "predicate.other == 1 || true",
        "!(predicate.other == 1 && false)",
    ] {
        check(text, &Ok(true));
    }
    check("predicate.ref == 'x'", &Ok(false));
    check("predicate.list == ['a']", &Ok(false));
}

#[test]
fn what_is_missing_or_of_another_type_is_an_error_and_never_false() {
    check("predicate.other == 1", &Err(ConditionError::Missing("other".to_owned())));
    check("predicate.other == 1 || false", &Err(ConditionError::Missing("other".to_owned())));
    check("!predicate.other", &Err(ConditionError::Missing("other".to_owned())));
    for text in
        ["predicate.n", "predicate.n.startsWith('a')", "predicate.n < 'a'", "predicate.ref.x", "'a' in 'abc'"]
    {
        let scope_error = Expression::parse(text).unwrap();
        let predicate = json!({"n": 3, "ref": "x"});
        let result = scope_error.holds(&Scope::of(&[("predicate", &predicate)]));
        assert!(matches!(result, Err(ConditionError::Type { .. })), "{text} {result:?}");
    }
}

#[test]
fn what_is_not_understood_is_an_error_when_the_policy_is_read() {
    for text in [
        "",
        "predicate.",
        "predicate ==",
        "predicates.x",
        "predicate.x.lower()",
        "1 + 1",
        "predicate.x ? 1 : 2",
        "'a",
        "a.b",
        "duration('1h')",
        "predicate.x == 1 == true",
        "[1",
        "(1",
        "predicate.x.matches(predicate.y)",
        "predicate.x.matches('(')",
        "has(predicate)",
        "1.5",
        "99999999999999999999",
        "predicate.a b",
        "{}",
        "'\\q'",
    ] {
        assert!(Expression::parse(text).is_err(), "{text}");
    }
}

#[test]
fn cost_and_depth_are_bounded() {
    for text in [
        "(".repeat(10_000),
        "!".repeat(10_000),
        "!!(!!!!!!(!!!!(((((!!(!!(!!!!((".repeat(20),
        "[".repeat(10_000),
        format!("predicate{}", ".a".repeat(5000)),
        format!("true{}", " || true".repeat(5000)),
    ] {
        assert!(Expression::parse(&text).is_err(), "{}", text.len());
    }
    let chain = format!("false{}", " || false".repeat(1000));
    let nothing = json!(null);
    assert_eq!(Expression::parse(&chain).unwrap().holds(&Scope::of(&[("predicate", &nothing)])), Ok(false));
    let many = json!(vec![0; 1000]);
    let nested = "predicate.all(a, predicate.all(b, predicate.all(c, a == b && b == c)))";
    let result = Expression::parse(nested).unwrap().holds(&Scope::of(&[("predicate", &many)]));
    assert_eq!(result, Err(ConditionError::Steps));
}
