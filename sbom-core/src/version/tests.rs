//! The order of each ecosystem, by the examples and rules of its own specification.

use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;

fn ascending(kind: &str, versions: &[&str]) {
    let scheme = Scheme::of(Some(kind));
    for pair in versions.windows(2) {
        assert_eq!(scheme.compare(pair[0], pair[1]), Some(Ordering::Less), "{kind} {pair:?}");
        assert_eq!(scheme.compare(pair[1], pair[0]), Some(Ordering::Greater), "{kind} {pair:?}");
    }
}

#[test]
fn each_ecosystem_has_its_order() {
    ascending("apk", &["1.0_rc1", "1.0", "1.0-r1", "1.0-r10", "1.0_p1", "1.0.1"]);
    ascending("deb", &["1.0~rc1-1", "1.0-1", "1.0-1+b1", "1.0-2", "1.0+dfsg-1", "1.10-1", "1:0.1-1"]);
    ascending("cargo", &["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-rc.2", "1.0.0-rc.10"]);
    ascending("cargo", &["1.0.0-rc.10", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0+meta"]);
    ascending(
        "golang",
        &["v0.0.0-20200101000000-abc", "v0.0.0-20210101000000-aaa", "v0.1.0", "v2.0.0+incompatible"],
    );
    ascending("golang", &["1.21", "1.21.1", "1.22"]);
    ascending("rpm", &["1.0~rc1-1", "1.0-1", "1.0^git1-1", "1.0a-1", "1.0.1-1", "1.10-1", "1:0.9-1"]);
    ascending("rpm", &["9.16.23-14.el9", "9.16.23-14.el9_1", "9.16.23-14.el9_10.2"]);
    ascending("pypi", &["1.9", "1.10", "2"]);
}

#[test]
fn what_follows_no_rule_has_no_order() {
    for (kind, a, b) in [("cargo", "one", "1.0.0"), ("apk", "x", "1"), ("golang", "1.2.3.4", "1")] {
        assert_eq!(Scheme::of(Some(kind)).compare(a, b), None, "{kind}");
    }
    assert_eq!(Scheme::of(Some("cargo")).compare("1.0.0+a", "1.0.0+b"), Some(Ordering::Equal));
    assert_eq!(Scheme::of(Some("pypi")).compare("1.0", "1"), Some(Ordering::Equal));
    assert_eq!(Scheme::of(Some("rpm")).compare("1_0-1", "1.0-1"), Some(Ordering::Equal));
}

#[test]
fn compatible_versions_share_their_beginning() {
    for (version, expected) in [
        ("1.2.3", "1"),
        ("0.9.1", "0.9"),
        ("0.0.3", "0.0.3"),
        ("v1.2.3", "v1"),
        ("1:2.5-1", "1"),
        ("0", "0"),
        ("", ""),
        ("abc", "abc"),
    ] {
        assert_eq!(compatible(version), expected, "{version}");
    }
}

fn any_version() -> impl Strategy<Value = String> {
    prop_oneof![
        "[01](\\.[0-9]){0,2}([.-]?(a|rc|dev|post|sp|ga|final|snapshot|x)[.-]?[0-9]?){0,2}",
        "[0-9]{1,2}(\\.[0-9]{1,2}){0,3}(-r?[0-9])?",
        "[0-9a-c.:~^_+v-]{0,8}",
        "\\PC{0,5}"
    ]
}

proptest! {
    #[test]
    fn the_order_is_total(a in any_version(), b in any_version(), c in any_version()) {
        for kind in ["apk", "deb", "rpm", "cargo", "golang", "pypi", "maven", "gem", "nuget", "other"] {
            let scheme = Scheme::of(Some(kind));
            prop_assert_eq!(scheme.order(&a, &b), scheme.order(&b, &a).reverse(), "{}", kind);
            if scheme.order(&a, &b).is_le() && scheme.order(&b, &c).is_le() {
                prop_assert!(scheme.order(&a, &c).is_le(), "{} {:?} {:?} {:?}", kind, a, b, c);
            }
            prop_assert_eq!(scheme.order(&a, &b).is_eq(), a == b);
        }
    }
}

#[test]
fn python_has_the_order_of_its_specification() {
    ascending(
        "pypi",
        &[
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1!0.1",
        ],
    );
    same("pypi", &["1.0", "1", "v1.0.0", "1.00", "0!1.0"]);
    same("pypi", &["1.0rc1", "1.0.RC1", "1.0-c1", "1.0_pre_1", "1.0preview1"]);
    same("pypi", &["1.0.post1", "1.0-1", "1.0-r1", "1.0REV1"]);
    same("pypi", &["1.0.dev0", "1.0.dev", "1.0-DEV_0"]);
    same("pypi", &["1.0+ubuntu.1", "1.0+ubuntu-1", "1.0+Ubuntu_01"]);
    without_order("pypi", &["", "1.", "a1", "1.0a1a2", "1.0+", "1!", "!1", "1.0-", "2004d-x", "1.0+a..b"]);
}

#[test]
fn maven_has_the_order_of_its_reference() {
    ascending(
        "maven",
        &["1-alpha", "1-beta", "1-milestone", "1-rc", "1-snapshot", "1", "1-sp", "1-abc", "1-xyz"],
    );
    ascending("maven", &["1-foo2", "1-foo10"]);
    ascending("maven", &["1.foo", "1-1", "1.1"]);
    ascending("maven", &["1-ga.1", "1-sp.1"]);
    ascending("maven", &["1-sp-1", "1-ga-1"]);
    ascending("maven", &["2.17.0", "2.17.1-beta1", "2.17.1-SNAPSHOT", "2.17.1", "2.17.1.1", "2.17.2"]);
    ascending("maven", &["31.0-android", "31.0.1-jre"]);
    same("maven", &["1.ga", "1-ga", "1-0", "1.0", "1", "1.0.0", "1.final", "1-", "1.", "1.Release"]);
    same("maven", &["1.foo", "1-foo", "1.0.0-foo", "1.0.0-foo.0.0"]);
    same("maven", &["1-a1", "1-alpha-1"]);
    same("maven", &["1-rc1", "1-cr1"]);
    without_order("maven", &["", "1 0", "ä"]);
}

#[test]
fn gems_have_the_order_of_their_documentation() {
    ascending("gem", &["1.0.a", "1.0.b1", "1.0.b10", "1.0.rc1", "1.0", "1.0.1.pre", "1.0.1", "1.10"]);
    ascending("gem", &["1.0-1", "1.0"]);
    same("gem", &["1.0", "1", "1.0.0"]);
    same("gem", &["1.0.a", "1.a"]);
    without_order("gem", &["", "a", "1..2", "1.2.x86_64", "1."]);
}

#[test]
fn nuget_has_four_numbers_and_no_case() {
    ascending(
        "nuget",
        &["1.0.0-alpha", "1.0.0-Beta.2", "1.0.0-beta.11", "1.0.0-RC", "1.0", "1.0.0.1", "1.0.1"],
    );
    same("nuget", &["1.0.0-RC.1", "1.0.0.0-rc.1+meta", "1.00-rc.1"]);
    without_order("nuget", &["1.0.0.0.0", "1.0.0-", "x"]);
}

#[test]
fn go_orders_modules_and_its_own_releases() {
    ascending(
        "golang",
        &[
            "v1.2.3-0.20190301000000-aaaaaaaaaaaa",
            "v1.2.3-pre",
            "v1.2.3-pre.0.20200101000000-bbbbbbbbbbbb",
            "v1.2.3",
            "v1.2.4-0.20210101000000-cccccccccccc",
            "v1.2.4",
        ],
    );
    ascending("golang", &["go1.20.14", "1.21rc2", "go1.21.0", "1.21.1", "go1.22beta1", "1.22rc1", "v1.22"]);
    same("golang", &["v2.0.0+incompatible", "2.0.0"]);
    without_order("golang", &["(devel)", "", "1.21x1", "1.21rc", "v1.2.3-"]);
}

#[test]
fn what_is_no_version_of_a_distribution_has_no_order() {
    without_order("deb", &["", "1 0", "a:1", "1_0", "${version}"]);
    without_order("rpm", &["", "1 0", "1\n"]);
}

fn same(kind: &str, versions: &[&str]) {
    let scheme = Scheme::of(Some(kind));
    for a in versions {
        for b in versions {
            assert_eq!(scheme.compare(a, b), Some(Ordering::Equal), "{kind} {a} {b}");
        }
    }
}

fn without_order(kind: &str, versions: &[&str]) {
    for version in versions {
        assert!(!Scheme::of(Some(kind)).is_valid(version), "{kind} {version:?}");
    }
}
