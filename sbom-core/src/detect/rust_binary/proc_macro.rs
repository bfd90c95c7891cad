//! Which crates of a list of format 0 served the build alone.
//!
//! That format does not tell crates that procedural macros need from those of run time: `syn` seems linked into
//! nearly every program. What crates.io knows as nothing but a procedural macro is a plugin of the compiler, and
//! what nothing but such plugins need was built for the compiler's machine. Anything else stays as stated.

use super::{Crate, CrateSource};

/// Crates that never were anything but procedural macros. Only widely used ones: a crate that is missing here is
/// listed as needed at run time, as the list states it.
const PROC_MACROS: &[&str] = &[
    "asn1-rs-derive",
    "asn1-rs-impl",
    "async-recursion",
    "async-stream-impl",
    "async-trait",
    "bytecheck_derive",
    "bytemuck_derive",
    "clap_derive",
    "darling_macro",
    "derivative",
    "derive-new",
    "derive_arbitrary",
    "derive_builder_macro",
    "derive_more-impl",
    "displaydoc",
    "educe",
    "enum-map-derive",
    "enumflags2_derive",
    "failure_derive",
    "futures-macro",
    "miette-derive",
    "num-derive",
    "num_enum_derive",
    "openssl-macros",
    "ouroboros_macro",
    "phf_macros",
    "pin-project-internal",
    "proc-macro-error-attr",
    "proc-macro-hack",
    "prost-derive",
    "ptr_meta_derive",
    "ref-cast-impl",
    "rkyv_derive",
    "rustversion",
    "schemars_derive",
    "scroll_derive",
    "serde_derive",
    "serde_repr",
    "serde_with_macros",
    "strum_macros",
    "thiserror-impl",
    "tokio-macros",
    "tracing-attributes",
    "typed-builder-macro",
    "valuable-derive",
    "wasm-bindgen-macro",
    "yoke-derive",
    "zerocopy-derive",
    "zerofrom-derive",
    "zeroize_derive",
    "zerovec-derive",
    "zvariant_derive",
];

/// Marks as build-only what certainly was: known procedural macros, and what only crates so marked need.
pub(super) fn conclude(crates: &mut [Crate]) {
    // For each crate how many that may be there at run time need it.
    let mut needed_by = vec![0_usize; crates.len()];
    let mut dependents = vec![0_usize; crates.len()];
    for package in crates.iter() {
        for &index in &package.dependencies {
            if let Some(count) = dependents.get_mut(index) {
                *count += 1;
            }
            if !package.build_only
                && let Some(count) = needed_by.get_mut(index)
            {
                *count += 1;
            }
        }
    }
    let known = |package: &Crate| {
        package.source == CrateSource::CratesIo && PROC_MACROS.binary_search(&package.name.as_str()).is_ok()
    };
    let mut marked: Vec<usize> = (0..crates.len())
        .filter(|&index| crates.get(index).is_some_and(|package| !package.root && known(package)))
        .collect();
    while let Some(index) = marked.pop() {
        let Some(package) = crates.get_mut(index).filter(|package| !package.build_only) else { continue };
        package.build_only = true;
        package.concluded = true;
        let freed = package.dependencies.clone();
        for next in freed {
            if let Some(count) = needed_by.get_mut(next) {
                *count = count.saturating_sub(1);
                let root = crates.get(next).is_none_or(|package| package.root);
                if *count == 0 && !root && dependents.get(next).is_some_and(|&count| count > 0) {
                    marked.push(next);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[usize], root: bool) -> Crate {
        Crate {
            name: name.into(),
            version: "1.0.0".into(),
            source: if root { CrateSource::Local } else { CrateSource::CratesIo },
            build_only: false,
            concluded: false,
            dependencies: dependencies.to_vec(),
            root,
        }
    }

    fn check(mut crates: Vec<Crate>, build_only: &[&str]) {
        conclude(&mut crates);
        let found: Vec<&str> = crates.iter().filter(|c| c.build_only).map(|c| c.name.as_str()).collect();
        assert_eq!(found, build_only);
    }

    #[test]
    fn the_list_is_sorted() {
        let mut sorted = PROC_MACROS.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, PROC_MACROS);
    }

    #[test]
    fn what_only_procedural_macros_need_served_the_build() {
        check(
            vec![
                package("app", &[1, 2], true),
                package("serde", &[2], false),
                package("serde_derive", &[3, 4], false),
                package("syn", &[4], false),
                package("proc-macro2", &[5], false),
                package("unicode-ident", &[], false),
            ],
            &["serde_derive", "syn", "proc-macro2", "unicode-ident"],
        );
    }

    #[test]
    fn what_something_else_needs_too_stays() {
        check(
            vec![
                package("app", &[1, 3], true),
                package("thiserror-impl", &[2, 3], false),
                package("quote", &[4], false),
                package("syn", &[4], false),
                package("proc-macro2", &[], false),
            ],
            &["thiserror-impl", "quote"],
        );
    }

    #[test]
    fn a_crate_of_the_same_name_from_elsewhere_stays() {
        let mut own = package("serde_derive", &[], false);
        own.source = CrateSource::Local;
        check(vec![package("app", &[1], true), own], &[]);
    }
}
