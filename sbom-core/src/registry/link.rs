//! The `Link` header: where the next page of a list is. Source: RFC 8288 section 3.

/// The target of the first link whose relation is `next`.
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (_, after) = rest.split_once('<')?;
        let (target, after) = after.split_once('>')?;
        let (parameters, further) = parameters(after);
        if parameters.iter().any(|parameter| is_next(parameter)) {
            return Some(target);
        }
        rest = further;
    }
}

/// The parameters of one link, and what follows it. Commas and semicolons within quotes separate nothing.
fn parameters(text: &str) -> (Vec<&str>, &str) {
    let mut found = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => {
                found.extend(text.get(start..at));
                start = at.saturating_add(1);
                if byte == b',' {
                    return (found, text.get(start..).unwrap_or_default());
                }
            }
            _ => {}
        }
    }
    found.extend(text.get(start..));
    (found, "")
}

/// Whether a parameter is `rel` with `next` among its relations.
fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let value = value.trim().trim_matches('"');
    name.trim().eq_ignore_ascii_case("rel")
        && value.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "[<>;,\"\\\\a= relnxté]{0,60}") {
            if let Some(target) = next(&text) {
                prop_assert!(text.contains(target));
            }
        }
    }

    #[test]
    fn the_next_page_is_found_among_other_links() {
        for (header, expect) in [
            ("</v2/x?n=1>; rel=\"next\"", Some("/v2/x?n=1")),
            ("</a>; rel=next", Some("/a")),
            ("</a>; rel=\"prev\", </b>; REL=\"first next\"", Some("/b")),
            ("</a>; title=\"x, <y>; rel=next\"; rel=prev, </b>;rel=next", Some("/b")),
            ("</a>; title=\"\\\", <y>; rel=next\"; rel=next", Some("/a")),
            ("</a>", None),
            ("</a>; rel=prev", None),
            ("</a; rel=next", None),
            ("</a>; rel=nextish", None),
            ("", None),
            ("rel=next", None),
        ] {
            assert_eq!(next(header), expect, "{header}");
        }
    }

    #[test]
    fn a_flood_of_links_is_read_in_one_go() {
        assert_eq!(next(&"</a>; rel=prev, ".repeat(100_000)), None);
        assert_eq!(next(&"<".repeat(100_000)), None);
    }
}
