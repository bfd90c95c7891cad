//! The first line of a `License` field, taken apart into names and what joins them.

/// Parentheses within one another that are read.
const MAX_DEPTH: usize = 16;
/// Names in one synopsis that are read.
const MAX_NAMES: usize = 64;
/// A synopsis longer than this is prose.
const MAX_SYNOPSIS: usize = 4096;
/// An unknown name of more words than this, exceptions apart, is prose.
const MAX_WORDS: usize = 2;
/// An unknown name of more words than this with its exception is prose.
const MAX_WORDS_OF_EXCEPTION: usize = 12;

/// A synopsis, taken apart.
#[derive(Debug)]
pub(super) enum Names {
    /// One licence, with its exception.
    One(String),
    /// All of them.
    All(Vec<Names>),
    /// Any of them.
    Any(Vec<Names>),
}

/// Takes a synopsis apart; none if it is prose rather than names. `is_known` says of a name of many words that it
/// is one.
pub(super) fn parse(synopsis: &str, is_known: fn(&str) -> bool) -> Option<Names> {
    if synopsis.len() > MAX_SYNOPSIS {
        return None;
    }
    let tokens = tokens(synopsis);
    let mut parser = Parser { tokens: &tokens, at: 0, names: 0, is_known };
    let names = parser.commas(0)?;
    (parser.at == tokens.len()).then_some(names)
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    And,
    Or,
    Comma,
    Open,
    Close,
}

fn tokens(synopsis: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut words = synopsis.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let later = |next: &&str| {
            matches!(next.trim_end_matches(',').to_ascii_lowercase().as_str(), "later" | "newer" | "greater")
        };
        // `GPL-2 or later` is one name.
        if word.eq_ignore_ascii_case("or") && words.peek().is_some_and(later) {
            tokens.push(Token::Word("or"));
            continue;
        }
        let mut rest = word;
        while let Some(after) = rest.strip_prefix('(') {
            tokens.push(Token::Open);
            rest = after;
        }
        let mut tail = Vec::new();
        while let Some(before) = rest.strip_suffix([')', ',', ';']) {
            tail.push(if rest.ends_with(')') { Token::Close } else { Token::Comma });
            rest = before;
        }
        match rest.to_ascii_lowercase().as_str() {
            "" => {}
            "and" | "&" | "and/or" => tokens.push(Token::And),
            "or" => tokens.push(Token::Or),
            _ => tokens.push(Token::Word(rest)),
        }
        tokens.extend(tail.into_iter().rev());
    }
    while tokens.last() == Some(&Token::Comma) {
        tokens.pop();
    }
    tokens
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    at: usize,
    names: usize,
    is_known: fn(&str) -> bool,
}

impl Parser<'_, '_> {
    fn take(&mut self, wanted: &Token<'_>) -> bool {
        let found = self.tokens.get(self.at) == Some(wanted);
        self.at += usize::from(found);
        found
    }

    /// `A or B, and C` is `(A or B) and C`. A comma without a word after it means what the last one means.
    fn commas(&mut self, depth: usize) -> Option<Names> {
        let mut groups = vec![self.any(depth)?];
        let mut operators: Vec<Option<Token<'static>>> = Vec::new();
        while self.take(&Token::Comma) {
            operators.push(if self.take(&Token::And) {
                Some(Token::And)
            } else {
                self.take(&Token::Or).then_some(Token::Or)
            });
            groups.push(self.any(depth)?);
        }
        let mut next = Token::And;
        for operator in operators.iter_mut().rev() {
            next = operator.get_or_insert(next).clone();
        }
        let mut groups = groups.into_iter();
        let first = groups.next()?;
        Some(groups.zip(operators).fold(first, |left, (right, operator)| match operator {
            Some(Token::Or) => Names::Any(vec![left, right]),
            _ => Names::All(vec![left, right]),
        }))
    }

    fn any(&mut self, depth: usize) -> Option<Names> {
        let mut parts = vec![self.all(depth)?];
        while self.take(&Token::Or) {
            parts.push(self.all(depth)?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Names::Any(parts)) }
    }

    fn all(&mut self, depth: usize) -> Option<Names> {
        let mut parts = vec![self.name(depth)?];
        while self.take(&Token::And) {
            parts.push(self.name(depth)?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Names::All(parts)) }
    }

    fn name(&mut self, depth: usize) -> Option<Names> {
        if self.take(&Token::Open) {
            let inside = (depth < MAX_DEPTH).then(|| self.commas(depth + 1))??;
            return self.take(&Token::Close).then_some(inside);
        }
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.tokens.get(self.at) {
            words.push(*word);
            self.at += 1;
        }
        self.names += 1;
        let name_words = words.iter().take_while(|word| !word.eq_ignore_ascii_case("with")).count();
        let name = words.join(" ");
        let plausible = !words.is_empty()
            && (name_words <= MAX_WORDS && words.len() <= MAX_WORDS_OF_EXCEPTION || (self.is_known)(&name));
        (plausible && self.names <= MAX_NAMES).then_some(Names::One(name))
    }
}
