//! Whether services that need each other can be served at all.

use crate::decode::Context;
use crate::diag::Diagnostic;
use crate::model::Service;
use crate::resolve::Resolved;

/// No service needs itself, through whatever others, or batch work, which waits by its nature.
pub fn check(ctx: &mut Context, resolved: &Resolved) {
    let services = &resolved.model.services;
    let mut told = false;
    for (at, service) in services.iter().enumerate() {
        if ctx.is_poisoned("service", resolved.services[at].index) {
            continue;
        }
        let name = &service.entity.name;
        if let Some(batch) = service.operation.needs.iter().map(|need| &services[need.index()]).find(|need| need.operation.defer.is_some())
        {
            let message = format!("service `{name}` needs `{}`, which is batch work", batch.entity.name);
            let hint = "batch work is done when nobody else wants the accelerators: nothing can rely on its share";
            ctx.push(Diagnostic::error("F0546", service.entity.span.clone(), message).hint(hint));
        }
        if let Some(through) = circle(services, at).filter(|_| !told) {
            let message = format!("service `{name}` needs itself, through `{}`", services[through].entity.name);
            let diagnostic = Diagnostic::error("F0546", service.entity.span.clone(), message);
            ctx.push(diagnostic.label(services[through].entity.span.clone(), "this one needs it").hint("remove one of the `needs`"));
            // Once is enough: every service of the circle would say the same.
            told = true;
        }
    }
}

/// The last service of a circle of needs that begins at one; `None` if there is none.
fn circle(services: &[Service], start: usize) -> Option<usize> {
    let mut seen = vec![false; services.len()];
    let mut stack = vec![start];
    while let Some(at) = stack.pop() {
        for need in &services[at].operation.needs {
            if need.index() == start {
                return Some(at);
            }
            if !std::mem::replace(&mut seen[need.index()], true) {
                stack.push(need.index());
            }
        }
    }
    None
}
