//! Patterns with `*` and `?`.

/// A pattern: `*` stands for any characters, `?` for one. Everything else stands for itself.
///
/// ```
/// use sbom_core::query::Glob;
/// assert!(Glob::text("lib*").matches("LIBSSL3"));
/// assert!(Glob::path("/usr/*/libssl*").matches("/usr/lib/libssl.so.3"));
/// assert!(!Glob::path("/usr/*").matches("/usr/lib/libssl.so.3"));
/// assert!(Glob::path("/usr/**").matches("/usr/lib/libssl.so.3"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    tokens: Vec<Token>,
    /// Whether upper and lower case are the same.
    folds: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// One character.
    One,
    /// Any characters but `/`.
    Segment,
    /// Any characters.
    All,
}

impl Glob {
    /// A pattern for names and identifiers, in which upper and lower case of ASCII letters are the same.
    pub fn text(pattern: &str) -> Self {
        let token = |c| match c {
            '*' => Token::All,
            '?' => Token::One,
            c => Token::Literal(c.to_ascii_lowercase()),
        };
        Self { tokens: pattern.chars().map(token).collect(), folds: true }
    }

    /// A pattern for paths: `*` and `?` stop at `/`, `**` does not.
    pub fn path(pattern: &str) -> Self {
        let mut tokens = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if chars.next_if_eq(&'*').is_some() => Token::All,
                '*' => Token::Segment,
                '?' => Token::One,
                c => Token::Literal(c),
            });
        }
        Self { tokens, folds: false }
    }

    /// Whether anything in it stands for something else.
    pub fn is_plain(&self) -> bool {
        self.tokens.iter().all(|token| matches!(token, Token::Literal(_)))
    }

    /// Whether it matches all of `text`. Takes time proportional to the product of both lengths at most.
    pub fn matches(&self, text: &str) -> bool {
        // The places in the pattern that what was read of the text may have reached.
        let mut reached = vec![false; self.tokens.len() + 1];
        if let Some(first) = reached.first_mut() {
            *first = true;
        }
        self.skip(&mut reached);
        let mut next = vec![false; reached.len()];
        for c in text.chars() {
            let c = if self.folds { c.to_ascii_lowercase() } else { c };
            next.fill(false);
            for (place, token) in self.tokens.iter().enumerate() {
                if reached.get(place) != Some(&true) {
                    continue;
                }
                let (stays, goes) = match token {
                    Token::Literal(literal) => (false, *literal == c),
                    Token::One => (false, self.folds || c != '/'),
                    Token::Segment => (c != '/', false),
                    Token::All => (true, false),
                };
                for (offset, yes) in [(0, stays), (1, goes)] {
                    if let Some(slot) = next.get_mut(place + offset).filter(|_| yes) {
                        *slot = true;
                    }
                }
            }
            self.skip(&mut next);
            std::mem::swap(&mut reached, &mut next);
            if !reached.contains(&true) {
                return false;
            }
        }
        reached.last() == Some(&true)
    }

    /// `*` may stand for nothing.
    fn skip(&self, reached: &mut [bool]) {
        for (place, token) in self.tokens.iter().enumerate() {
            if matches!(token, Token::Segment | Token::All)
                && reached.get(place) == Some(&true)
                && let Some(slot) = reached.get_mut(place + 1)
            {
                *slot = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything_and_nothing() {
        for (pattern, text, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("a*", "A", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a]", "[a]", true),
            ("é*", "éa", true),
        ] {
            assert_eq!(Glob::text(pattern).matches(text), matches, "{pattern} {text}");
        }
        for (pattern, text, matches) in [
            ("/usr/*", "/usr/a", true),
            ("/usr/*", "/usr/a/b", false),
            ("/usr/**", "/usr/a/b", true),
            ("**/b", "/usr/a/b", true),
            ("/usr?a", "/usr/a", false),
            ("/USR/a", "/usr/a", false),
        ] {
            assert_eq!(Glob::path(pattern).matches(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        assert!(!Glob::text(&("*a".repeat(200) + "b")).matches(&"a".repeat(5_000)));
    }
}
