//! Numbers of any length, and versions of nothing but numbers.

/// A number of any length in a form that compares: its length without leading zeros, then its digits.
pub(super) type Number<'a> = (usize, &'a str);

/// The value 0.
pub(super) const ZERO: Number<'static> = (0, "");

/// `digits` as a number.
pub(super) fn number(digits: &str) -> Number<'_> {
    let significant = digits.trim_start_matches('0');
    (significant.len(), significant)
}

/// Whether there is nothing but digits, and at least one.
pub(super) fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Numbers with dots between them, without the zeros at the end: whether 1 is before 1.0 depends on the ecosystem.
pub(super) fn numbers(version: &str) -> Option<Vec<Number<'_>>> {
    let mut numbers: Vec<Number<'_>> =
        version.split('.').map(|part| all_digits(part).then(|| number(part))).collect::<Option<_>>()?;
    while numbers.last() == Some(&ZERO) {
        numbers.pop();
    }
    Some(numbers)
}

/// Splits off the digits that `text` begins with.
pub(super) fn leading_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}
