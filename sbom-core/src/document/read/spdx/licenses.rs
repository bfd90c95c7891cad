//! Licences of elements: expressions as the document writes them, resolved once the texts of its own licences are
//! known.

use std::{borrow::Cow, collections::HashMap};

use crate::{
    document::{
        model::{Component, CustomLicense, Licensing},
        read::{Context, ReadError, elements::Copies, records::Text},
    },
    license,
};

/// Which of the licences of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::document::read) enum Whose {
    /// What it declares.
    Declared,
    /// What someone concluded.
    Concluded,
}

/// What the document says about licences, to be resolved at its end.
#[derive(Debug, Default)]
pub(in crate::document::read) struct Licenses<'a> {
    /// The document's own licences by its identifiers for them; their own identifiers are bound to their texts.
    own: HashMap<Cow<'a, str>, CustomLicense>,
    /// Of the component at an index, expressions that all apply.
    stated: Vec<(usize, Whose, Vec<Cow<'a, str>>)>,
}

impl<'a> Licenses<'a> {
    /// Adds a licence of the document's own. Whether it is the first with its identifier.
    pub(in crate::document::read) fn define(&mut self, id: Cow<'a, str>, name: &str, text: &str) -> bool {
        let new = !self.own.contains_key(&id);
        if new {
            self.own.insert(id, license::custom(name, text));
        }
        new
    }

    /// Adds what is said about the component at `index`. `NONE`, which the model has no word for, is lost.
    pub(in crate::document::read) fn state(
        &mut self,
        index: usize,
        whose: Whose,
        expressions: impl IntoIterator<Item = Text<'a>>,
        context: &mut Context<'_>,
        place: &str,
    ) {
        let mut terms = Vec::new();
        for expression in expressions {
            if expression.trim() == "NONE" {
                context.losses.add(place);
            } else if expression.known().is_some() {
                terms.push(expression.into_inner());
            }
        }
        if !terms.is_empty() {
            self.stated.push((index, whose, terms));
        }
    }

    /// Gives every component its licences. A text is repeated at each component that refers to it.
    pub(in crate::document::read) fn resolve(
        self,
        components: &mut [Component],
        context: &Context<'_>,
    ) -> Result<(), ReadError> {
        let copies = Copies::new(context.limits);
        let mut known: HashMap<&[Cow<'a, str>], Licensing> = HashMap::new();
        for (index, whose, terms) in &self.stated {
            let licensing = known.entry(terms).or_insert_with(|| self.licensing(terms, &copies));
            for text in
                licensing.custom.iter().map(|license| &*license.text).chain(licensing.expression.as_deref())
            {
                copies.add(text)?;
            }
            let Some(component) = components.get_mut(*index) else { continue };
            match whose {
                Whose::Declared => component.declared.clone_from(licensing),
                Whose::Concluded => component.concluded.clone_from(licensing),
            }
        }
        Ok(())
    }

    fn licensing(&self, terms: &[Cow<'a, str>], copies: &Copies) -> Licensing {
        let declare = |term| license::declare(term).replace_custom(|known| self.own(known, copies));
        match terms {
            // A conjunction is sorted; what stands alone keeps its order.
            [term] => declare(term),
            _ => license::all_of(terms.iter().map(|term| declare(term))),
        }
    }

    /// The licence that the document has in place of what only refers to it. It keeps the document's identifier,
    /// unless that looks as if it were bound to another text. None, too, if there have been too many copies.
    fn own(&self, license: &CustomLicense, copies: &Copies) -> Option<CustomLicense> {
        let own = self.own.get(&*license.text)?;
        copies.add(&own.text).ok()?;
        let mut own = own.clone();
        if *license.id == *license.text {
            own.id.clone_from(&license.id);
        }
        Some(own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn resolve(expression: &str, texts: &[(&'static str, &str, &str)]) -> Licensing {
        let limits = Limits::default();
        let mut context = Context::new(&limits);
        let mut licenses = Licenses::default();
        for (id, name, text) in texts {
            assert!(licenses.define(Cow::Borrowed(id), name, text));
        }
        let mut components = vec![Component::default()];
        licenses.state(0, Whose::Declared, [Text::from(expression)], &mut context, "");
        licenses.resolve(&mut components, &context).unwrap();
        components.remove(0).declared
    }

    #[test]
    fn a_licence_of_the_document_keeps_its_identifier_and_gets_its_text() {
        let licensing =
            resolve("MIT AND LicenseRef-Own", &[("LicenseRef-Own", "Our own", "do what you like")]);
        assert_eq!(licensing.expression.unwrap(), "MIT AND LicenseRef-Own");
        let own = CustomLicense {
            id: "LicenseRef-Own".to_owned(),
            name: "Our own".to_owned(),
            text: "do what you like".into(),
        };
        assert_eq!(licensing.custom, [own]);
    }

    #[test]
    fn an_identifier_that_is_bound_to_a_text_stays_bound_to_it() {
        let ours = license::custom("Own", "do what you like");
        let id: &'static str = ours.id.clone().leak();
        assert_eq!(resolve(id, &[(id, "Own", "do what you like")]), ours.into());
        let other = resolve(id, &[(id, "Own", "do nothing")]);
        assert_eq!(other, license::custom("Own", "do nothing").into());
    }

    #[test]
    fn what_is_no_expression_is_kept_whole() {
        let licensing = resolve("see the file COPYING (of course", &[]);
        assert_eq!(&*licensing.custom[0].text, "see the file COPYING (of course");
        assert_eq!(resolve("GPL-2.0+", &[]).expression.unwrap(), "GPL-2.0-or-later");
        assert_eq!(resolve("NOASSERTION", &[]), Licensing::default());
    }

    #[test]
    fn texts_are_not_multiplied_beyond_the_bound() {
        let mut limits = Limits::default();
        limits.document_bytes.value = 1000;
        let mut context = Context::new(&limits);
        let mut licenses = Licenses::default();
        licenses.define("LicenseRef-a".into(), "", &"x".repeat(400));
        let mut components = vec![Component::default(); 3];
        for index in 0..3 {
            licenses.state(index, Whose::Concluded, [Text::from("LicenseRef-a")], &mut context, "");
        }
        assert!(matches!(licenses.resolve(&mut components, &context), Err(ReadError::Limit(_))));
    }
}
