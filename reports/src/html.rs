//! The page.

use bastide_sim::results::Study;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::ReportError;
use crate::view::View;

/// One self-contained HTML page: no script, no font, no request.
///
/// # Errors
/// [`ReportError`].
pub fn render_html(study: &Study) -> Result<String, ReportError> {
    let failed = |error: minijinja::Error| ReportError::Template(format!("{error:#}"));
    let mut templates = Environment::new();
    // Titles and notes come from scenarios of other people: everything is escaped but our own drawings.
    templates.set_auto_escape_callback(|_| AutoEscape::Html);
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?);
    templates.add_template("report.html", include_str!("../templates/report.html")).map_err(failed)?;
    let view = View::of(study)?;
    let context = minijinja::context! { style => include_str!("../templates/report.css"), v => Value::from(Serde(&view)) };
    templates.get_template("report.html").and_then(|template| template.render(context)).map_err(failed)
}
