//! What the program tells whoever uses it: verdicts first, errors in the form that was asked for, help that works.

use crate::{
    attest::{Bench, image},
    program::sbomctl,
};

const POLICY: &str = "version: 1\ndefault: deny\nsigners: {ci: {key: k.pub}}\nrules:\n  - images: ['**']\n    require: [{sbom: {by: [ci]}}]\n";

/// A bench with a layout that `k` has attested.
fn attested() -> (Bench, String) {
    let bench = Bench::new();
    let layout = bench.layout("layout");
    bench.done(&["attest", "--key", "k.key", &layout]);
    bench.write("p.yaml", POLICY);
    (bench, layout)
}

#[test]
fn the_first_line_is_the_verdict() {
    let (bench, layout) = attested();
    let pinned = format!("{layout}@{}", image("linux/amd64").manifest.digest);
    for (code, key, head) in [
        (0, "k.pub", format!("verified  {pinned}  by key sha256:")),
        (1, "s.pub", format!("NOT verified  {pinned}\n  none of 1 attestations counts\n")),
    ] {
        let said = bench.ends(code, &["verify", "--key", key, &layout]);
        assert!(said.starts_with(&head), "{head}: {said}");
    }
    let said = bench.done(&["verify", "--policy", "p.yaml", "--as", "a.test/b:1", &layout]);
    assert!(said.starts_with(&format!("allowed  {pinned}  by p.yaml\n")), "{said}");
    // Each check that was not made has a line, and the names stand in one column.
    let said = bench.done(&["verify", "--key", "k.pub", &layout]);
    for line in [
        "    checked      format, payload-type, signature, statement, subject, signer\n",
        "    not checked  predicate-type  any type is accepted\n",
        "                 log-inclusion   no transparency log has it\n",
        "                 revocation      nothing is listed as withdrawn\n",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains('\u{1b}'));
}

#[test]
fn verdicts_have_colours_where_they_are_wanted() {
    let (bench, layout) = attested();
    let (green, red) = ("\u{1b}[32m", "\u{1b}[31m");
    for (code, arguments, head) in [
        (0, &["--key", "k.pub"][..], format!("{green}verified\u{1b}[0m  ")),
        (1, &["--key", "s.pub"], format!("{red}NOT verified\u{1b}[0m  ")),
        (0, &["--policy", "p.yaml"], format!("{green}allowed\u{1b}[0m  ")),
    ] {
        let colored = bench.ends(code, &[&["verify", "--color", "always", &layout], arguments].concat());
        assert!(colored.starts_with(&head), "{head:?}: {colored:?}");
        let plain = bench.ends(code, &[&["verify", "--color", "never", &layout], arguments].concat());
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
    }
}

#[test]
fn quiet_tells_nothing_but_what_is_asked_for_and_what_is_wrong() {
    let (bench, layout) = attested();
    let quiet = |more: &[&str]| {
        let run = bench.run(&[&["verify", "-q", &layout], more].concat());
        (run.code, run.stdout, run.stderr)
    };
    let nothing = || (0, String::new(), String::new());
    assert_eq!(quiet(&["--key", "k.pub"]), nothing());
    assert_eq!(quiet(&["--policy", "p.yaml"]), nothing());
    let (code, said, errors) = quiet(&["--key", "k.pub", "-o", "predicate"]);
    assert!((code, errors.as_str()) == (0, "") && said.starts_with('{'), "{said}{errors}");
    bench.write("p.yaml", POLICY.replace("k.pub", "s.pub"));
    for (arguments, word) in [
        (["--key", "s.pub"], "NOT verified: oci:layout@sha256:"),
        (["--policy", "p.yaml"], "DENIED: oci:layout@"),
    ] {
        let (code, said, errors) = quiet(&arguments);
        assert_eq!((code, said.as_str()), (1, ""), "{errors}");
        assert!(errors.starts_with(&format!("error: {word}")) && errors.lines().count() == 1, "{errors}");
    }
    assert!(sbomctl(&["verify", "--help"]).stdout.contains("with --quiet nothing"));
}
