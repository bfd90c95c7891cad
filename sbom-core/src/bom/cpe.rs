//! CPE names that a system gives of itself, brought into the formatted string of CPE 2.3.
//!
//! Source: NIST IR 7695, sections 6.1 (URI binding) and 6.2 (formatted string binding).

/// Components of a 2.3 name after `cpe:2.3:`.
const COMPONENTS: usize = 11;
/// The place of the language among them.
const LANGUAGE: usize = 6;

/// `name`, in the URI form of 2.2 or the form of 2.3, in that of 2.3; none if it follows neither.
pub(super) fn to_2_3(name: &str) -> Option<String> {
    let name = name.trim();
    let mut parts = match name.strip_prefix("cpe:2.3:") {
        Some(rest) => split_escaped(rest),
        None => from_uri(name.strip_prefix("cpe:/")?)?,
    };
    if parts.len() < 3 || parts.len() > COMPONENTS {
        return None;
    }
    parts.resize(COMPONENTS, "*".to_owned());
    let valid = parts.iter().enumerate().all(|(index, component)| match index {
        0 => matches!(component.as_str(), "a" | "o" | "h"),
        LANGUAGE => matches!(component.as_str(), "*" | "-") || is_language(component),
        _ => is_valid(component),
    });
    valid.then(|| format!("cpe:2.3:{}", parts.join(":")))
}

/// Splits at the colons that no backslash precedes.
fn split_escaped(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == ':' && !escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    parts
}

/// `o:vendor:product:version:update:edition:language`; an edition `~a~b~c~d~e` packs five components.
fn from_uri(rest: &str) -> Option<Vec<String>> {
    let fields: Vec<&str> = rest.split(':').collect();
    if !(3..=7).contains(&fields.len()) {
        return None;
    }
    let field = |index: usize| fields.get(index).copied().unwrap_or_default();
    let mut edition = [field(5), "", "", "", ""];
    if let Some(packed) = field(5).strip_prefix('~') {
        edition = [""; 5];
        for (slot, value) in edition.iter_mut().zip(packed.split('~')) {
            *slot = value;
        }
    }
    let [edition, software, target_software, target_hardware, other] = edition;
    [
        field(0),
        field(1),
        field(2),
        field(3),
        field(4),
        edition,
        field(6),
        software,
        target_software,
        target_hardware,
        other,
    ]
    .into_iter()
    .map(component)
    .collect()
}

/// One component of the URI form: percent-encoding undone, special characters escaped.
fn component(field: &str) -> Option<String> {
    match field {
        "" => return Some("*".to_owned()),
        "-" => return Some("-".to_owned()),
        _ => {}
    }
    let mut out = String::new();
    let mut bytes = field.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            match &digits {
                b"01" => {
                    out.push('?');
                    continue;
                }
                b"02" => {
                    out.push('*');
                    continue;
                }
                _ => u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?,
            }
        } else {
            byte
        };
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' => out.push(char::from(byte)),
            b'A'..=b'Z' => out.push(char::from(byte.to_ascii_lowercase())),
            b'!'..=b'~' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            _ => return None,
        }
    }
    Some(out)
}

/// A component of the formatted string as the schemas of bills accept it.
fn is_valid(component: &str) -> bool {
    if matches!(component, "*" | "-") {
        return true;
    }
    let body = component.trim_matches(['?', '*']);
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        let valid = match c {
            '\\' => chars.next().is_some_and(|c| c.is_ascii_punctuation() && !matches!(c, '.' | '_' | '-')),
            c => c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'),
        };
        if !valid {
            return false;
        }
    }
    !body.is_empty()
}

/// `en` or `en-us`.
fn is_language(component: &str) -> bool {
    let (language, region) = component.split_once('-').unwrap_or((component, "us"));
    let letters = |text: &str, lengths: &[usize]| {
        lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let number = region.len() == 3 && region.bytes().all(|byte| byte.is_ascii_digit());
    letters(language, &[2, 3]) && (letters(region, &[2]) || number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<&str>) {
        assert_eq!(to_2_3(name).as_deref(), expected, "{name}");
    }

    #[test]
    fn names_of_both_forms_become_2_3() {
        check("cpe:/o:centos:linux:6:GA", Some("cpe:2.3:o:centos:linux:6:ga:*:*:*:*:*:*"));
        check("cpe:/o:oracle:linux:8:3:server", Some("cpe:2.3:o:oracle:linux:8:3:server:*:*:*:*:*"));
        check("cpe:2.3:o:amazon:amazon_linux:2", Some("cpe:2.3:o:amazon:amazon_linux:2:*:*:*:*:*:*:*"));
        check("cpe:/o:a:b%2bc:1::~x~y~~z~", Some("cpe:2.3:o:a:b\\+c:1:*:x:*:y:*:z:*"));
        check("cpe:/o:microsoft:azure linux", None);
        check("cpe:/o:a:b:1:::en-us", Some("cpe:2.3:o:a:b:1:*:*:en-us:*:*:*:*"));
        check("cpe:2.3:o:a:b\\:c:1", Some("cpe:2.3:o:a:b\\:c:1:*:*:*:*:*:*:*"));
    }

    #[test]
    fn what_is_no_cpe_is_none() {
        for name in [
            "",
            "cpe:/",
            "cpe:/o:x",
            "cpe:/z:a:b",
            "cpe:/o:a:b%2",
            "cpe:2.3:o:a:b c",
            "cpe:/o:a:b:c:d:e:f:g",
            "cpe:2.3:o:a:*x*y",
            "cpe:/o:a:b:1:::server",
        ] {
            check(name, None);
        }
    }
}
