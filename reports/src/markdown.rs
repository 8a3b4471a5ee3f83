//! The report in brief, for pasting into a text.

use std::fmt::Write as _;

use bastide_sim::results::Study;

use crate::ReportError;
use crate::view::{Table, View};

/// Question, answer, comparison, cost, adequacy, what to do next, and the command that repeats it.
///
/// # Errors
/// [`ReportError`].
pub fn render_markdown(study: &Study) -> Result<String, ReportError> {
    let view = View::of(study)?;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# {}\n\n{}\n", line(&view.title), view.frame);
    if !view.question.is_empty() {
        let _ = writeln!(out, "> {}\n", line(&view.question));
    }
    let _ = writeln!(out, "**{}**\n", line(&view.answer.text));
    for sentence in &view.answer.more {
        let _ = writeln!(out, "{}\n", line(sentence));
    }
    if !view.questions.is_empty() {
        let _ = writeln!(out, "## Questions and answers\n");
        for part in &view.questions {
            let _ = writeln!(out, "### {}\n", line(&part.title));
            part.text.iter().for_each(|sentence| {
                let _ = writeln!(out, "{}\n", line(sentence));
            });
            part.tables.iter().for_each(|answer| table(&mut out, answer));
        }
        let _ = writeln!(out, "## Alternatives compared\n");
    }
    table(&mut out, &view.comparison);
    if let Some(cases) = &view.cases {
        let _ = writeln!(out, "## Under other assumptions\n");
        for group in &cases.groups {
            let _ = writeln!(out, "### {}\n", line(&group.title));
            group.text.iter().for_each(|sentence| {
                let _ = writeln!(out, "{}\n", line(sentence));
            });
            table(&mut out, &group.table);
            notes(&mut out, &group.table);
            group.break_even.iter().for_each(|points| table(&mut out, points));
        }
        cases.costs.iter().for_each(|costs| table(&mut out, costs));
    }
    for figure in &view.cost {
        figure.table.iter().for_each(|cost| table(&mut out, cost));
    }
    if let Some(planning) = &view.planning {
        let _ = writeln!(out, "## Period by period\n");
        planning.comparison.iter().for_each(|more| table(&mut out, more));
        for plan in planning.plans.iter().take(1) {
            let _ = writeln!(out, "### {}\n", line(&plan.title));
            for sentence in plan.text.iter().chain(plan.lists.iter().flat_map(|list| &list.1)) {
                let _ = writeln!(out, "{}\n", line(sentence));
            }
            plan.tables.iter().chain(plan.front.iter().filter_map(|front| front.table.as_ref())).for_each(|more| {
                table(&mut out, more);
                notes(&mut out, more);
            });
        }
    }
    if let Some(adequacy) = &view.adequacy {
        let _ = writeln!(out, "## Power system adequacy\n");
        for sentence in &adequacy.text {
            let _ = writeln!(out, "{}\n", line(sentence));
        }
        table(&mut out, &adequacy.table);
        adequacy.alternatives.iter().chain(&adequacy.hosting).for_each(|more| table(&mut out, more));
        let _ = writeln!(out, "{}\n", line(&adequacy.method));
    }
    for (heading, items) in
        [("What to do next", view.next.iter().map(step).collect::<Vec<_>>()), ("Before you rely on it", view.warnings.clone())]
    {
        if !items.is_empty() {
            let _ = writeln!(out, "## {heading}\n");
            items.iter().for_each(|item| {
                let _ = writeln!(out, "- {}", line(item));
            });
            out.push('\n');
        }
    }
    let _ = writeln!(out, "{}, seed {}, {} histories, fingerprint `{}`.", view.program, view.seed, view.replications, &view.fingerprint);
    let _ = writeln!(out, "Repeat it with `{}`.", view.command.replace('`', "'"));
    Ok(out)
}

fn notes(out: &mut String, table: &Table) {
    if !table.note.is_empty() {
        let _ = writeln!(out, "{}\n", line(&table.note));
    }
}

fn step(step: &crate::view::Step) -> String {
    if step.command.is_empty() { step.text.clone() } else { format!("{} ({})", step.text, step.command) }
}

/// One line, with the signs that Markdown or HTML would read escaped.
fn line(text: &str) -> String {
    let mut out = String::new();
    for c in text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

fn table(out: &mut String, table: &Table) {
    let _ = writeln!(out, "{}\n", line(&table.caption));
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&row(table.head.iter().map(|cell| line(cell)).collect()));
    out.push_str(&row(table.numeric.iter().map(|numeric| if *numeric { "---:" } else { "---" }.to_string()).collect()));
    for cells in &table.rows {
        let mut texts: Vec<String> = (cells.cells.iter())
            .map(|cell| {
                let sub = if cell.sub.is_empty() { String::new() } else { format!(" ({})", line(&cell.sub)) };
                let text = line(&cell.text);
                if cell.mark == "best" || !cells.kind.is_empty() { format!("**{text}**{sub}") } else { text + &sub }
            })
            .collect();
        texts.resize(table.head.len(), String::new());
        out.push_str(&row(texts));
    }
    out.push('\n');
}
