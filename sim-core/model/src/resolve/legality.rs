//! When a service, campaign or dataset may be at a site.

use bastide_units::Time;

use crate::decode::Context;
use crate::model::{Campaign, Dataset, Legality, NationId, Service, Site, SiteId, Tier};
use crate::scenario::demand::Demands;
use crate::scenario::rule::{Demand, Rule};

/// Which list of a rule's scope names a thing, and by what it is matched.
pub struct Subject<'a> {
    kind: &'static str,
    name: &'a str,
    nation: NationId,
    tier: Option<Tier>,
    class: Option<&'a str>,
}

/// Subjects of the three kinds.
pub mod subjects {
    use super::{Campaign, Dataset, Demands, Service, Subject};

    /// A service.
    #[must_use]
    pub fn service<'a>(service: &'a Service, demands: &'a Demands) -> Subject<'a> {
        Subject {
            kind: "service",
            name: &service.entity.name,
            nation: service.nation,
            tier: Some(service.tier),
            class: demands.class.as_deref(),
        }
    }
    /// A campaign.
    #[must_use]
    pub fn campaign<'a>(campaign: &'a Campaign, demands: &'a Demands) -> Subject<'a> {
        Subject {
            kind: "campaign",
            name: &campaign.entity.name,
            nation: campaign.nation,
            tier: Some(campaign.tier),
            class: demands.class.as_deref(),
        }
    }
    /// A dataset.
    #[must_use]
    pub fn dataset<'a>(dataset: &'a Dataset, demands: &'a Demands) -> Subject<'a> {
        Subject { kind: "dataset", name: &dataset.entity.name, nation: dataset.nation, tier: None, class: demands.class.as_deref() }
    }
}

impl Rule {
    /// Whether the rule means a thing: it matches every list that the rule gives.
    #[must_use]
    pub fn means(&self, subject: &Subject<'_>) -> bool {
        let scope = &self.scope;
        let lists = [(&scope.services, "service"), (&scope.campaigns, "campaign"), (&scope.datasets, "dataset")];
        // Naming services leaves campaigns and datasets out, unless they are named too.
        let any_named = lists.iter().any(|(names, _)| names.is_some());
        let named = lists.iter().any(|(names, kind)| {
            *kind == subject.kind && names.as_ref().is_some_and(|names| names.iter().any(|name| name == subject.name))
        });
        (!any_named || named)
            && scope
                .classes
                .as_ref()
                .is_none_or(|classes| subject.class.is_some_and(|class| classes.iter().any(|(known, _)| known == class)))
            && scope.tiers.as_ref().is_none_or(|tiers| subject.tier.is_some_and(|tier| tiers.contains(&tier)))
            && scope.nations.as_ref().is_none_or(|nations| nations.contains(&subject.nation))
    }

    /// Whether a site satisfies the rule.
    #[must_use]
    pub fn allows(&self, id: SiteId, site: &Site) -> bool {
        match &self.demand {
            Demand::Residency(nations) => nations.contains(&site.nation),
            Demand::Operator(nations) => nations.contains(&site.operator_nation),
            Demand::Certification(words) => words.iter().all(|word| site.certifications.contains(word)),
            Demand::Forbid(sites) => !sites.contains(&id),
        }
    }
}

/// All that decides what is legal.
pub struct Rules<'a> {
    /// For places in messages.
    pub ctx: &'a Context,
    /// Rules of the scenario.
    pub all: &'a [Rule],
    /// Sites.
    pub sites: &'a [Site],
}

impl Rules<'_> {
    fn legality(&self, subject: &Subject<'_>, demands: &Demands, id: SiteId, site: &Site) -> Legality {
        let place = |at: Option<crate::text::At>| self.ctx.span(at.or(demands.at).unwrap_or(crate::text::At::whole(0)));
        let never = |why: String, at| Legality { from: Time::ZERO, until: Time::ZERO, forbidden_by: Some((why, place(at))) };
        if demands.residency.as_ref().is_some_and(|nations| !nations.contains(&site.nation)) {
            return never("residency".to_owned(), demands.residency_at);
        }
        if demands.certification.iter().any(|word| !site.certifications.contains(word)) {
            return never("certification".to_owned(), demands.certification_at);
        }
        let mut legality = Legality { from: Time::ZERO, until: Time::NEVER, forbidden_by: None };
        for rule in self.all.iter().filter(|rule| rule.means(subject) && !rule.allows(id, site)) {
            if rule.from == Time::ZERO && legality.forbidden_by.is_none() {
                legality.forbidden_by = Some((format!("rule `{}`", rule.entity.name), rule.entity.span.clone()));
            }
            forbid(&mut legality, rule.from, rule.until);
        }
        legality
    }

    /// Legality of a dataset at each site.
    #[must_use]
    pub fn dataset(&self, dataset: &Dataset, demands: &Demands) -> Vec<Legality> {
        self.each(&subjects::dataset(dataset, demands), demands, None)
    }
    /// Legality of a service at each site; where its dataset may not be read, it may not run.
    #[must_use]
    pub fn service(&self, service: &Service, demands: &Demands, datasets: &[Vec<Legality>]) -> Vec<Legality> {
        let dataset = service.dataset.and_then(|id| datasets.get(id.index()));
        self.each(&subjects::service(service, demands), demands, dataset)
    }
    /// Legality of a campaign at each site; where its dataset may not be read, it may not run.
    #[must_use]
    pub fn campaign(&self, campaign: &Campaign, demands: &Demands, datasets: &[Vec<Legality>]) -> Vec<Legality> {
        let dataset = campaign.dataset.and_then(|id| datasets.get(id.index()));
        self.each(&subjects::campaign(campaign, demands), demands, dataset)
    }

    fn each(&self, subject: &Subject<'_>, demands: &Demands, dataset: Option<&Vec<Legality>>) -> Vec<Legality> {
        let own = self.sites.iter().enumerate().map(|(index, site)| self.legality(subject, demands, SiteId::from_index(index), site));
        match dataset {
            None => own.collect(),
            Some(dataset) => own.zip(dataset).map(|(own, data)| both(own, data)).collect(),
        }
    }
}

/// Takes the time from `from` to `until` out. Where that leaves two parts, the longer one stays (all, if it leads to the end):
/// an interval that is too short is on the safe side of the law.
fn forbid(legality: &mut Legality, from: Time, until: Time) {
    let before = (legality.from, legality.until.min(from));
    let after = (legality.from.max(until), legality.until);
    let length = |part: (Time, Time)| part.1.as_nanos().saturating_sub(part.0.as_nanos());
    let kept = if length(before) > length(after) { before } else { after };
    (legality.from, legality.until) = if kept.0 < kept.1 { kept } else { (Time::ZERO, Time::ZERO) };
}

fn both(own: Legality, data: &Legality) -> Legality {
    let (from, until) = (own.from.max(data.from), own.until.min(data.until));
    let (from, until) = if from < until { (from, until) } else { (Time::ZERO, Time::ZERO) };
    let forbidden_by =
        own.forbidden_by.or_else(|| data.forbidden_by.as_ref().map(|(why, span)| (format!("its dataset: {why}"), span.clone())));
    Legality { from, until, forbidden_by }
}
