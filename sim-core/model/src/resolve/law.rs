//! What each rule forbids by itself, and what an exit from a group changes, for histories in which the law does not go as planned.

use crate::decode::Context;
use crate::model::{
    Bar, Campaign, CampaignId, Dataset, DisruptionKind, Hazard, HazardKind, Law, NationId, RuleId, Service, ServiceId, Site, SiteId, Thing,
};
use crate::scenario::demand::Demands;
use crate::scenario::rule::{Demand, Rule};

use super::legality::{Subject, subjects};

/// Services and campaigns with what they ask for, and the datasets that they read.
pub struct Bound<'a> {
    /// Services.
    pub services: &'a [Service],
    /// Their demands.
    pub service_demands: &'a [Demands],
    /// Campaigns.
    pub campaigns: &'a [Campaign],
    /// Their demands.
    pub campaign_demands: &'a [Demands],
    /// Datasets.
    pub datasets: &'a [Dataset],
    /// Their demands.
    pub dataset_demands: &'a [Demands],
    /// Sites.
    pub sites: &'a [Site],
}

/// A thing with all that binds it: itself and its dataset, as rules see them.
struct Bearer<'a> {
    thing: Thing,
    nation: NationId,
    parts: Vec<(Subject<'a>, &'a Demands)>,
}

impl Bound<'_> {
    fn bearers(&self) -> Vec<Bearer<'_>> {
        let data = |id: Option<crate::model::DatasetId>| {
            let found = id.and_then(|id| Some((self.datasets.get(id.index())?, self.dataset_demands.get(id.index())?)));
            found.map(|(dataset, demands)| (subjects::dataset(dataset, demands), demands))
        };
        let mut all = Vec::new();
        for (at, (service, demands)) in self.services.iter().zip(self.service_demands).enumerate() {
            let parts = std::iter::once((subjects::service(service, demands), demands)).chain(data(service.dataset)).collect();
            all.push(Bearer { thing: Thing::Service(ServiceId::from_index(at)), nation: service.nation, parts });
        }
        for (at, (campaign, demands)) in self.campaigns.iter().zip(self.campaign_demands).enumerate() {
            let parts = std::iter::once((subjects::campaign(campaign, demands), demands)).chain(data(campaign.dataset)).collect();
            all.push(Bearer { thing: Thing::Campaign(CampaignId::from_index(at)), nation: campaign.nation, parts });
        }
        all
    }

    fn each_site(&self) -> impl Iterator<Item = (SiteId, &Site)> {
        self.sites.iter().enumerate().map(|(index, site)| (SiteId::from_index(index), site))
    }

    /// What each rule forbids.
    #[must_use]
    pub fn laws(&self, rules: &[Rule]) -> Vec<Law> {
        let bearers = self.bearers();
        let law = |rule: &Rule| {
            let mut bars = Vec::new();
            for bearer in bearers.iter().filter(|bearer| bearer.parts.iter().any(|(subject, _)| rule.means(subject))) {
                for (id, site) in self.each_site() {
                    // What the thing itself rules out is forbidden whatever becomes of the rule.
                    if !rule.allows(id, site) && bearer.parts.iter().all(|(_, demands)| demands.allow(site)) {
                        bars.push((bearer.thing, id));
                    }
                }
            }
            Law { entity: rule.entity.clone(), from: rule.from, until: rule.until, bars }
        };
        rules.iter().map(law).collect()
    }

    /// Fills in what hazards leave open: services in the order of the model, sites of operators, what exits forbid.
    pub fn settle(&self, ctx: &Context, rules: &[Rule], hazards: &mut [Hazard]) {
        let place = |id: &ServiceId| self.service_demands.iter().position(|demands| demands.index == id.index()).map(ServiceId::from_index);
        let run_by = |operators: &[String], nations: &[NationId]| -> Vec<SiteId> {
            let concerned = |site: &Site| operators.contains(&site.operator) || nations.contains(&site.operator_nation);
            self.each_site().filter(|(_, site)| concerned(site)).map(|(id, _)| id).collect()
        };
        for hazard in hazards {
            let HazardKind::Disruption(disruption) = &mut hazard.kind else { continue };
            match &mut disruption.effect {
                DisruptionKind::ModelChange { services, .. } | DisruptionKind::Suspension { services, .. } => {
                    *services = services.iter().filter_map(place).collect();
                }
                DisruptionKind::Sanction { operators, operator_nations, sites, .. } => *sites = run_by(operators, operator_nations),
                DisruptionKind::OperatorWithdrawal { operators, sites, .. } => *sites = run_by(operators, &[]),
                DisruptionKind::MemberExit { nation, group, bars, .. } => *bars = self.exit(ctx, rules, *nation, group),
                _ => {}
            }
        }
    }

    /// What an exit from a group forbids: for the others, the nation is no longer in the lists that name the group; for what belongs to
    /// the nation, the group shrinks to the nation itself.
    fn exit(&self, ctx: &Context, rules: &[Rule], nation: NationId, group: &String) -> Vec<Bar> {
        let mut bars = Vec::new();
        let allowed = |words: &[String], own: bool, home: NationId| {
            words.iter().any(|word| {
                let named = ctx.names.get("nation").and_then(|names| names.get(word)).is_some_and(|(index, _)| *index == home.index());
                let member = ctx.groups.get(word).is_some_and(|members| members.contains(&home.index()));
                named || member && (word != group || (home == nation) == own)
            })
        };
        for bearer in self.bearers() {
            let own = bearer.nation == nation;
            for (id, site) in self.each_site() {
                let gone = |words: &[String], home: NationId| words.contains(group) && !allowed(words, own, home);
                let mut bar = |rule: Option<RuleId>| bars.push(Bar { rule, thing: bearer.thing, site: id });
                for (subject, demands) in &bearer.parts {
                    if demands.allow(site) && gone(&demands.residency_words, site.nation) {
                        bar(None);
                    }
                    for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.means(subject) && rule.allows(id, site)) {
                        let home = if matches!(rule.demand, Demand::Operator(_)) { site.operator_nation } else { site.nation };
                        if gone(&rule.words, home) {
                            bar(Some(RuleId::from_index(at)));
                        }
                    }
                }
            }
        }
        bars
    }
}

impl Demands {
    /// Whether a site satisfies what the thing itself asks for.
    fn allow(&self, site: &Site) -> bool {
        self.residency.as_ref().is_none_or(|nations| nations.contains(&site.nation))
            && self.certification.iter().all(|word| site.certifications.contains(word))
    }
}
