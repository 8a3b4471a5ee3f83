//! What it costs to serve a service from a site, beyond the accelerators that it takes there.

use bastide_units::MoneyRate;

use super::{ServiceId, SiteId};
use crate::source::Span;

/// `serving_cost` of `[plan]`: transit over a backbone, licences by country, or any other cost in proportion to the share served.
#[derive(Clone, Debug, PartialEq)]
pub struct ServingCost {
    /// Where the scenario names the file.
    pub span: Span,
    /// `annual[service][site]`: yearly cost of serving all of the service from the site; `None` where it may not run.
    pub annual: Vec<Vec<Option<MoneyRate>>>,
}

impl ServingCost {
    /// Yearly cost of serving all of a service from a site [EUR/y]; zero where it may not run, since it never does.
    #[must_use]
    pub fn annual_eur(&self, service: ServiceId, site: SiteId) -> f64 {
        let cell = self.annual.get(service.index()).and_then(|row| row.get(site.index()));
        cell.copied().flatten().map_or(0.0, MoneyRate::as_eur_per_y)
    }
}
