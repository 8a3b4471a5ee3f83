//! Cuts of ducts, with all links in them.

use bastide_engine::Distribution;
use bastide_model::model::{LinkId, Model, Target};

use crate::world::World;

/// Ducts of the targets, in order of first mention: their names and all links of the model that lie in them. A link without a duct lies
/// in one of its own.
pub(super) fn ducts(model: &Model, targets: &[LinkId]) -> (Vec<String>, Vec<Vec<usize>>) {
    let ducts_of = |link: usize| -> Vec<String> {
        let link = &model.links[link];
        if link.ducts.is_empty() { vec![format!("link.{}", link.entity.name)] } else { link.ducts.clone() }
    };
    let mut names: Vec<String> = Vec::new();
    for duct in targets.iter().flat_map(|target| ducts_of(target.index())) {
        if !names.contains(&duct) {
            names.push(duct);
        }
    }
    let links = names.iter().map(|duct| (0..model.links.len()).filter(|link| ducts_of(*link).contains(duct)).collect()).collect();
    (names, links)
}

impl World<'_> {
    pub(super) fn cable_cut(&mut self, hazard: usize, cuts: u32, repair: &Distribution) {
        let state = &mut self.hazards[hazard];
        // The ducts with the earliest clocks: a choice without repetition, all alike.
        let mut order: Vec<(f64, usize)> = state.targets.iter_mut().enumerate().map(|(at, stream)| (stream.uniform(), at)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.truncate(cuts as usize);
        let seq = self.recorder.event(self.now, "cable-cut", "hazard", hazard, order.len() as f64, "ducts", None);
        for (_, duct) in order {
            let stream = &self.hazards[hazard].targets[duct];
            let repair_s = repair.sample(&mut stream.member(stream.position()));
            for at in 0..self.hazards[hazard].ducts[duct].len() {
                let link = self.hazards[hazard].ducts[duct][at];
                self.damage(Target::Link(LinkId::from_index(link)), repair_s, None, seq, "cable cut");
            }
        }
    }
}
