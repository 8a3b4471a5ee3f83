//! Services that run at one site when nothing is broken.

use super::Formulation;
use crate::instance::Instance;
use crate::program::Group;

impl Formulation {
    /// `home[g,s]`, with `sum_t place[g,s,t] <= demand[g] * home[g,s]` and `sum_s home[g,s] <= 1` for each class of a single site.
    pub(super) fn constraint_single_site(&mut self, instance: &Instance) {
        for (class, it) in instance.classes.iter().enumerate() {
            let mut homes = Vec::new();
            if let ([(service, _)], true) = (it.members.as_slice(), it.single_site) {
                for by_type in &self.place[class] {
                    let placed: Vec<_> = by_type.iter().flatten().map(|column| (*column, 1.0)).collect();
                    homes.push((!placed.is_empty()).then(|| {
                        let home = self.program.integer(0.0, 0.0, 1.0);
                        self.program.at_most(Group::SingleSite(*service), placed.into_iter().chain([(home, -it.demand())]), 0.0);
                        home
                    }));
                }
                let all = homes.iter().flatten().map(|home| (*home, 1.0));
                self.program.at_most(Group::SingleSite(*service), all, 1.0);
            }
            self.home.push(homes);
        }
    }
}
