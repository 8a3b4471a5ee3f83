//! What leaves first.

use bastide_model::model::DepartureOrder;

use super::Item;
use crate::setup::entity_key;
use crate::world::World;

impl World<'_> {
    /// The data of an evacuation in the order in which it leaves.
    ///
    /// An optimal order that no search was asked for goes by value per byte.
    pub(super) fn leaving(&self, at: usize) -> Vec<Item> {
        let model = self.setup.model;
        let evacuation = &model.evacuations[at];
        let mut classes: Vec<&str> = Vec::new();
        let mut items = Vec::with_capacity(evacuation.datasets.len());
        for id in &evacuation.datasets {
            let (dataset, it) = (id.index(), &model.datasets[*id]);
            let class = it.class.as_deref().unwrap_or("unclassified");
            let class = classes.iter().position(|known| *known == class).unwrap_or_else(|| {
                classes.push(class);
                classes.len() - 1
            });
            let safe = self.data.held_at(self.setup, dataset).any(|site| !evacuation.from.iter().any(|from| from.index() == site));
            let left = if safe { 0.0 } else { it.size.as_bytes() };
            items.push(Item { dataset, class, left, moving: 0.0, saved: 0.0, rate: 0.0, to: 0, safe, off: self.now });
        }
        match (evacuation.order, &self.setup.departures[at]) {
            (DepartureOrder::Optimal, Some(list)) => {
                // What the list leaves out comes last, as it stands.
                let place = |item: &Item| list.iter().position(|dataset| *dataset == item.dataset).unwrap_or(usize::MAX);
                items.sort_by_key(place);
            }
            (DepartureOrder::Optimal | DepartureOrder::Value, _) => {
                let density = |item: &Item| {
                    let it = &model.datasets[item.dataset];
                    it.value.as_eur() / it.size.as_bytes().max(1.0)
                };
                items.sort_by(|a, b| density(b).total_cmp(&density(a)));
            }
            (DepartureOrder::FirstCome, _) => {}
            (DepartureOrder::Random, _) => {
                // Each dataset draws its own lot, so that another dataset more changes nothing between the others.
                let chance = &self.evacuations.all[at].chance;
                let lot = |item: &Item| chance.member(entity_key("dataset", &model.datasets[item.dataset].entity.name, "lot")).uniform();
                items.sort_by(|a, b| lot(a).total_cmp(&lot(b)));
            }
        }
        items
    }
}
