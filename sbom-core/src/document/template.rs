//! A user's own template, in the language of Jinja.
//!
//! It sees the document as CycloneDX 1.6 JSON has it, under `bom`: `{% for c in bom.components %}{{ c.name }}
//! {{ c.version | default("") }}{% endfor %}`. Printing a name that is not there is an error, so that a misspelt one
//! is not taken for an empty value.

use minijinja::{Environment, UndefinedBehavior, context, syntax::SyntaxConfig};

use super::{CycloneDxVersion, Document, Format, Inputs, write};

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("template {name}{}: {message}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct TemplateError {
    /// What the template is called.
    pub name: String,
    /// The line, 1 the first, if it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
}

/// A template that could be parsed.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    name: String,
}

impl Template {
    /// Parses `source`; errors call it `name`.
    pub fn parse(name: &str, source: String) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        // The delimiters are the usual ones, which cannot be refused.
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        environment.add_template_owned(name.to_owned(), source).map_err(|error| fault(name, &error))?;
        Ok(Self { environment, name: name.to_owned() })
    }

    /// What the template makes of `document`.
    pub fn render(&self, document: &Document, inputs: &Inputs) -> Result<String, TemplateError> {
        let fault = |error: minijinja::Error| fault(&self.name, &error);
        let mut json = Vec::new();
        let format = Format::CycloneDxJson(CycloneDxVersion::V1_6);
        // Writing to memory does not fail, and what was written is JSON.
        let bom: minijinja::Value = write(document, format, inputs, &mut json)
            .map_err(serde_json::Error::io)
            .and_then(|()| serde_json::from_slice(&json))
            .map_err(|error| TemplateError {
                name: self.name.clone(),
                line: None,
                message: error.to_string(),
            })?;
        drop(json);
        let template = self.environment.get_template(&self.name).map_err(fault)?;
        template.render(context!(bom)).map_err(fault)
    }
}

fn fault(name: &str, error: &minijinja::Error) -> TemplateError {
    let message = error
        .detail()
        .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    TemplateError { name: name.to_owned(), line: error.line(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::model::Component;

    fn render(source: &str) -> Result<String, String> {
        let component = Component { id: "a".into(), name: "<a&b>".into(), ..Component::default() };
        let document = Document { components: vec![component], ..Document::default() };
        let rendered = Template::parse("list.j2", source.to_owned())
            .and_then(|template| template.render(&document, &Inputs::default()));
        rendered.map_err(|error| error.to_string())
    }

    #[test]
    fn a_template_sees_the_document_as_cyclonedx_has_it() {
        let source = "{% for c in bom.components %}{{ c.name }} {{ c.version | default('-') }}\n{% endfor %}";
        assert_eq!(render(source).unwrap(), "<a&b> -\n");
    }

    #[test]
    fn a_misspelt_name_is_an_error_that_says_where() {
        let error = render("\n{% for c in bom.components %}{{ c.nmae }}{% endfor %}").unwrap_err();
        assert!(error.starts_with("template list.j2, line 2: undefined value"), "{error}");
        let error = render("{% for %}").unwrap_err();
        assert!(error.starts_with("template list.j2, line 1: syntax error"), "{error}");
    }
}
