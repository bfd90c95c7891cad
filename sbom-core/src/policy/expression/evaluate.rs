//! The terms of a condition → whether it holds, within a number of steps.

use std::{borrow::Cow, cell::Cell, cmp::Ordering};

use serde_json::Value;

use super::{Comparison, Function, Term};

/// Terms that are computed for one condition, those in `all` and `exists` for each entry.
const MAX_STEPS: usize = 200_000;

/// What names stand for.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    names: Vec<(&'a str, &'a Value)>,
}

impl<'a> Scope<'a> {
    /// What each name stands for.
    pub fn of(names: &[(&'a str, &'a Value)]) -> Self {
        Self { names: names.to_vec() }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.names.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// A condition cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionError {
    /// There is no such member.
    #[error("there is no {0:?}")]
    Missing(String),
    /// A value of another type than the operator takes.
    #[error("expected {expected}, found {found}")]
    Type {
        /// What the operator takes.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// It takes too long.
    #[error("it takes more than {MAX_STEPS} steps")]
    Steps,
}

type Result<T> = std::result::Result<T, ConditionError>;

/// Whether a condition holds.
pub(super) fn holds(term: &Term, scope: &Scope<'_>) -> Result<bool> {
    let machine = Machine { steps: Cell::new(0) };
    machine.truth(term, scope)
}

struct Machine {
    steps: Cell<usize>,
}

impl Machine {
    fn step(&self, steps: usize) -> Result<()> {
        self.steps.set(self.steps.get().saturating_add(steps));
        if self.steps.get() > MAX_STEPS { Err(ConditionError::Steps) } else { Ok(()) }
    }

    fn truth(&self, term: &Term, scope: &Scope<'_>) -> Result<bool> {
        let value = self.value(term, scope)?;
        value.as_bool().ok_or_else(|| expected("true or false", &value))
    }

    fn value<'a>(&self, term: &'a Term, scope: &Scope<'a>) -> Result<Cow<'a, Value>> {
        self.step(1)?;
        Ok(match term {
            Term::Literal(value) => Cow::Borrowed(value),
            Term::List(terms) => {
                let values = terms.iter().map(|term| Ok(self.value(term, scope)?.into_owned()));
                Cow::Owned(Value::Array(values.collect::<Result<_>>()?))
            }
            Term::Name(name) => {
                Cow::Borrowed(scope.get(name).ok_or_else(|| ConditionError::Missing(name.clone()))?)
            }
            Term::Member(of, name) => member(self.value(of, scope)?, name)?,
            Term::Index(of, index) => self.index(of, index, scope)?,
            Term::Not(term) => truth(!self.truth(term, scope)?),
            Term::And(a, b) => truth(either(self.truth(a, scope), || self.truth(b, scope), false)?),
            Term::Or(a, b) => truth(either(self.truth(a, scope), || self.truth(b, scope), true)?),
            Term::Compare(comparison, a, b) => {
                let (a, b) = (self.value(a, scope)?, self.value(b, scope)?);
                truth(self.compare(*comparison, &a, &b)?)
            }
            Term::Call(function, of, argument) => {
                let (of, argument) = (self.value(of, scope)?, self.value(argument, scope)?);
                let (text, part) = (text(&of)?, text(&argument)?);
                self.step(text.len() / 64)?;
                truth(match function {
                    Function::StartsWith => text.starts_with(part),
                    Function::EndsWith => text.ends_with(part),
                    Function::Contains => text.contains(part),
                })
            }
            Term::Matches(of, pattern) => {
                let of = self.value(of, scope)?;
                let text = text(&of)?;
                self.step(text.len() / 16)?;
                truth(pattern.0.is_match(text))
            }
            Term::Size(of) => Cow::Owned(Value::from(size(self.value(of, scope)?.as_ref())?)),
            Term::Has(of, name) => {
                let of = self.value(of, scope)?;
                truth(of.as_object().ok_or_else(|| expected("an object", &of))?.contains_key(name))
            }
            Term::Over { all, list, name, condition } => {
                let list = self.value(list, scope)?;
                truth(self.over(*all, &list, name, condition, scope)?)
            }
        })
    }

    fn index<'a>(&self, of: &'a Term, index: &'a Term, scope: &Scope<'a>) -> Result<Cow<'a, Value>> {
        let (of, index) = (self.value(of, scope)?, self.value(index, scope)?);
        match (&*of, &*index) {
            (Value::Object(_), Value::String(name)) => member(of, name),
            (Value::Array(_), Value::Number(number)) => {
                let place = number.as_u64().and_then(|place| usize::try_from(place).ok());
                let missing = || ConditionError::Missing(number.to_string());
                let place = place.ok_or_else(missing)?;
                match of {
                    Cow::Borrowed(value) => value.get(place).map(Cow::Borrowed),
                    Cow::Owned(value) => value.get(place).cloned().map(Cow::Owned),
                }
                .ok_or_else(missing)
            }
            (Value::Object(_), index) => Err(expected("a text", index)),
            (Value::Array(_), index) => Err(expected("a number", index)),
            (of, _) => Err(expected("an object or a list", of)),
        }
    }

    fn compare(&self, comparison: Comparison, a: &Value, b: &Value) -> Result<bool> {
        self.step(weight(a).saturating_add(weight(b)))?;
        match comparison {
            Comparison::Equal => Ok(equal(a, b)),
            Comparison::NotEqual => Ok(!equal(a, b)),
            Comparison::In => match b {
                Value::Array(values) => Ok(values.iter().any(|value| equal(a, value))),
                Value::Object(members) => Ok(members.contains_key(text(a)?)),
                other => Err(expected("a list or an object", other)),
            },
            Comparison::Less => Ok(order(a, b)?.is_lt()),
            Comparison::AtMost => Ok(order(a, b)?.is_le()),
            Comparison::Greater => Ok(order(a, b)?.is_gt()),
            Comparison::AtLeast => Ok(order(a, b)?.is_ge()),
        }
    }

    fn over(&self, all: bool, list: &Value, name: &str, condition: &Term, scope: &Scope<'_>) -> Result<bool> {
        let values = list.as_array().ok_or_else(|| expected("a list", list))?;
        let mut failure = None;
        for value in values {
            let mut inner: Scope<'_> = scope.clone();
            inner.names.push((name, value));
            match self.truth(condition, &inner) {
                Ok(holds) if holds != all => return Ok(!all),
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
            self.step(1)?;
        }
        failure.map_or(Ok(all), Err)
    }
}

/// `&&` (`decides` is false) or `||` (true): an error of one side does not matter if the other decides.
fn either(a: Result<bool>, b: impl FnOnce() -> Result<bool>, decides: bool) -> Result<bool> {
    match a {
        Ok(a) if a == decides => Ok(decides),
        Ok(_) => b(),
        Err(ConditionError::Steps) => Err(ConditionError::Steps),
        Err(error) => match b() {
            Ok(b) if b == decides => Ok(decides),
            _ => Err(error),
        },
    }
}

fn truth(value: bool) -> Cow<'static, Value> {
    Cow::Owned(Value::Bool(value))
}

fn member<'a>(of: Cow<'a, Value>, name: &str) -> Result<Cow<'a, Value>> {
    if !of.is_object() {
        return Err(expected("an object", &of));
    }
    let found = match of {
        Cow::Borrowed(value) => value.get(name).map(Cow::Borrowed),
        Cow::Owned(value) => value.get(name).cloned().map(Cow::Owned),
    };
    found.ok_or_else(|| ConditionError::Missing(name.to_owned()))
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| expected("a text", value))
}

fn size(value: &Value) -> Result<usize> {
    match value {
        Value::String(text) => Ok(text.chars().count()),
        Value::Array(values) => Ok(values.len()),
        Value::Object(members) => Ok(members.len()),
        other => Err(expected("a text, a list or an object", other)),
    }
}

/// Numbers are equal by value, whole or not.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => order(a, b).is_ok_and(Ordering::is_eq),
        _ => a == b,
    }
}

fn order(a: &Value, b: &Value) -> Result<Ordering> {
    match (a, b) {
        (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
        (Value::Number(x), Value::Number(y)) => {
            if let (Some(x), Some(y)) = (x.as_i64(), y.as_i64()) {
                return Ok(x.cmp(&y));
            }
            let ordered = x.as_f64().zip(y.as_f64()).and_then(|(x, y)| x.partial_cmp(&y));
            ordered.ok_or_else(|| expected("numbers", a))
        }
        (Value::Number(_), other) => Err(expected("a number", other)),
        (Value::String(_), other) => Err(expected("a text", other)),
        (other, _) => Err(expected("a number or a text", other)),
    }
}

/// What it costs to compare a value.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() / 64,
        Value::Array(values) => values.len(),
        Value::Object(members) => members.len(),
        _ => 0,
    }
}

fn expected(expected: &'static str, found: &Value) -> ConditionError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    ConditionError::Type { expected, found }
}
