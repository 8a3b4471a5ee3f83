//! What the rows of a program say, if it is a location problem.

use super::{FEASIBLE, Role, Room, TOLERANCE};
use crate::formulation::Formulation;
use crate::instance::Instance;
use crate::location::Location;
use crate::program::{Group, Row, Sense};

/// What the rows say.
pub(super) struct Reading<'a> {
    instance: &'a Instance<'a>,
    formulation: &'a Formulation,
    roles: &'a [Role],
    /// The type of the accelerators.
    kind: usize,
    /// Fewest and most nodes of each site in use.
    pub room: Vec<Room>,
    /// Whether a site that is not in use has no nodes.
    shut: Vec<bool>,
    /// Accelerators per unit of each class; NaN until a row says so.
    pub weight: Vec<f64>,
    /// Whether a class has its row of demand.
    demanded: Vec<bool>,
    /// Whether a site has its row of capacity.
    limited: Vec<bool>,
    /// Whether a row holds a column at zero.
    zero: Vec<bool>,
    /// Of classes with homes: the number of sites whose row was seen, and whether that of the sum was.
    homes: Vec<(usize, bool)>,
    /// Fewest and most sites.
    pub open: (usize, usize),
    /// Whether customers may be split.
    pub split: bool,
    /// Rows over several sites that must not bind.
    joint: Vec<&'a Row>,
}

impl<'a> Reading<'a> {
    /// Reads all rows; `None` if one is of no known kind, or one is missing.
    pub(super) fn read(instance: &'a Instance, formulation: &'a Formulation, roles: &'a [Role], kind: usize) -> Option<Self> {
        let (sites, classes) = (instance.sites.len(), instance.classes.len());
        let most = |site: usize| formulation.nodes[site][kind].map_or(0.0, |column| formulation.program.columns[column].upper);
        let mut it = Self {
            instance,
            formulation,
            roles,
            kind,
            room: (0..sites).map(|site| Room { least: 0.0, most: most(site).floor() }).collect(),
            shut: vec![false; sites],
            weight: vec![f64::NAN; classes],
            demanded: vec![false; classes],
            limited: vec![false; sites],
            zero: vec![false; roles.len()],
            homes: vec![(0, false); classes],
            open: (0, sites),
            split: true,
            joint: Vec::new(),
        };
        for row in formulation.program.rows.iter().filter(|row| row.group != Group::Order) {
            if !row.terms.is_empty() {
                it.row(row)?;
            } else if row.limit < -FEASIBLE || row.sense == Sense::Equal && row.limit > FEASIBLE {
                // Nothing can keep it; the general search says so.
                return None;
            }
        }
        it.complete().then_some(it)
    }

    fn row(&mut self, row: &'a Row) -> Option<()> {
        let of = |wanted: fn(&Role) -> bool| row.terms.iter().filter(|(column, _)| wanted(&self.roles[*column])).count();
        let all = row.terms.len();
        let (builds, nodes) = (of(|role| matches!(role, Role::Build(_))), of(|role| matches!(role, Role::Nodes(_))));
        let (places, unserved) = (of(|role| matches!(role, Role::Place(..))), of(|role| matches!(role, Role::Unserved(_))));
        let homes = of(|role| matches!(role, Role::Home(..)));
        match row.sense {
            Sense::Equal if places + unserved == all => self.demand(row),
            Sense::AtMost if unserved == all => self.served(row),
            Sense::AtMost if places > 0 && nodes == 1 && places + nodes == all => self.capacity(row),
            Sense::AtMost if homes == 1 && places > 0 && places + homes == all => self.home(row),
            Sense::AtMost if homes == all => self.one_home(row),
            Sense::AtMost if builds + nodes == all => self.sites(row),
            _ => None,
        }
    }

    /// The first of a row's columns that a question has an answer for.
    fn first<T>(&self, row: &Row, of: impl Fn(Role) -> Option<T>) -> Option<T> {
        row.terms.iter().find_map(|(column, _)| of(self.roles[*column]))
    }

    /// `sum place + sum unserved = demand` of one class, all of its columns.
    fn demand(&mut self, row: &Row) -> Option<()> {
        let class_of = |role| match role {
            Role::Place(class, _) | Role::Unserved(class) => Some(class),
            _ => None,
        };
        let class = self.first(row, class_of)?;
        let count = self.formulation.place[class].iter().flatten().flatten().count() + self.formulation.unserved[class].len();
        let demand = self.instance.classes[class].demand();
        let right = row.terms.iter().all(|(column, coefficient)| class_of(self.roles[*column]) == Some(class) && *coefficient == 1.0)
            && row.terms.len() == count
            && (row.limit - demand).abs() <= TOLERANCE * demand;
        (right && !std::mem::replace(&mut self.demanded[class], true)).then_some(())
    }

    /// `sum unserved <= 0`.
    fn served(&mut self, row: &Row) -> Option<()> {
        if row.limit > 0.0 || row.limit < -TOLERANCE || row.terms.iter().any(|(_, coefficient)| *coefficient <= 0.0) {
            return None;
        }
        row.terms.iter().for_each(|(column, _)| self.zero[*column] = true);
        Some(())
    }

    /// `sum place / rate <= per_node * nodes` of one site, with the same rates at every site.
    fn capacity(&mut self, row: &Row) -> Option<()> {
        let site = self.first(row, |role| if let Role::Nodes(site) = role { Some(site) } else { None })?;
        let count = self.formulation.place.iter().filter(|by_site| by_site[site][self.kind].is_some()).count();
        if row.limit != 0.0 || row.terms.len() != count + 1 || std::mem::replace(&mut self.limited[site], true) {
            return None;
        }
        for (column, coefficient) in &row.terms {
            match self.roles[*column] {
                Role::Nodes(_) if *coefficient == -self.instance.types[self.kind].per_node => {}
                Role::Place(class, at) if at == site && *coefficient > 0.0 => {
                    let weight = &mut self.weight[class];
                    if weight.is_nan() {
                        *weight = *coefficient;
                    } else if (*weight - coefficient).abs() > TOLERANCE * coefficient {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        Some(())
    }

    /// `sum place <= demand * home` of one class at one site.
    fn home(&mut self, row: &Row) -> Option<()> {
        let (class, site) = self.first(row, |role| if let Role::Home(class, site) = role { Some((class, site)) } else { None })?;
        let demand = self.instance.classes[class].demand();
        let right = row.limit == 0.0
            && row.terms.len() == self.formulation.place[class][site].iter().flatten().count() + 1
            && row.terms.iter().all(|(column, coefficient)| match self.roles[*column] {
                Role::Home(..) => (coefficient + demand).abs() <= TOLERANCE * demand,
                Role::Place(it, at) => (it, at) == (class, site) && *coefficient == 1.0,
                _ => false,
            });
        self.homes[class].0 += 1;
        right.then_some(())
    }

    /// `sum home <= 1` of one class.
    fn one_home(&mut self, row: &Row) -> Option<()> {
        let class = self.first(row, |role| if let Role::Home(class, _) = role { Some(class) } else { None })?;
        let own = |column: usize| matches!(self.roles[column], Role::Home(it, _) if it == class);
        let right = row.limit == 1.0
            && row.terms.len() == self.formulation.home[class].iter().flatten().count()
            && row.terms.iter().all(|(column, coefficient)| own(*column) && *coefficient == 1.0);
        self.homes[class].1 = true;
        right.then_some(())
    }

    /// A row over sites and their nodes alone: of one site, a count of sites, or one that must not bind.
    fn sites(&mut self, row: &'a Row) -> Option<()> {
        let site_of = |role| match role {
            Role::Build(site) | Role::Nodes(site) => Some(site),
            _ => None,
        };
        let first = self.first(row, site_of)?;
        let is_build = |column: usize| matches!(self.roles[column], Role::Build(_));
        let counts = |sign: f64| {
            row.terms.len() == self.room.len() && row.terms.iter().all(|(column, coefficient)| is_build(*column) && *coefficient == sign)
        };
        if row.terms.iter().all(|(column, _)| site_of(self.roles[*column]) == Some(first)) {
            return self.one_site(first, row);
        }
        if counts(1.0) {
            self.open.1 = self.open.1.min((row.limit + FEASIBLE).floor().max(0.0) as usize);
            return (row.limit >= 0.0).then_some(());
        }
        if counts(-1.0) {
            self.open.0 = self.open.0.max((-row.limit - FEASIBLE).ceil().max(0.0) as usize);
        } else {
            self.joint.push(row);
        }
        Some(())
    }

    /// `a nodes + b build <= c`.
    fn one_site(&mut self, site: usize, row: &Row) -> Option<()> {
        let (mut nodes, mut build) = (0.0, 0.0);
        for (column, coefficient) in &row.terms {
            match self.roles[*column] {
                Role::Nodes(_) => nodes += coefficient,
                _ => build += coefficient,
            }
        }
        // Not in use, and without nodes: must be possible.
        if row.limit < 0.0 {
            return None;
        }
        let left = row.limit - build;
        let room = &mut self.room[site];
        if nodes > 0.0 {
            room.most = room.most.min((left / nodes * (1.0 + TOLERANCE)).floor());
            self.shut[site] |= row.limit / nodes < 1.0 - FEASIBLE;
        } else if nodes < 0.0 {
            room.least = room.least.max((left / nodes * (1.0 - TOLERANCE)).ceil());
        } else if left < 0.0 {
            room.most = -1.0;
        }
        Some(())
    }

    /// Whether every class, site and column has the rows that it needs.
    fn complete(&mut self) -> bool {
        let formulation = self.formulation;
        let with_home = formulation.home.iter().filter(|homes| !homes.is_empty()).count();
        self.split = with_home == 0;
        let seen_all =
            |(homes, (seen, sum)): (&Vec<Option<usize>>, &(usize, bool))| homes.iter().flatten().count() == *seen && (*sum || *seen == 0);
        let single = with_home == formulation.home.len() && formulation.home.iter().zip(&self.homes).all(seen_all);
        // A class without any place has no row of capacity, and no use for one.
        self.weight.iter_mut().filter(|weight| weight.is_nan()).for_each(|weight| *weight = 1.0);
        (self.split || single)
            && self.demanded.iter().all(|seen| *seen)
            && formulation.unserved.iter().flatten().all(|column| self.zero[*column])
            && (0..self.room.len()).all(|site| {
                let used = formulation.place.iter().any(|by_site| by_site[site][self.kind].is_some());
                (self.limited[site] || !used) && (self.shut[site] || formulation.nodes[site][self.kind].is_none())
            })
    }

    /// Whether no answer of the location problem reaches the limit of a row over several sites.
    pub(super) fn never_bind(&self, location: &Location, per_node: f64) -> bool {
        let load: f64 = location.demand.iter().sum();
        let open = location.open.1.min(self.room.len());
        let least = self.room.iter().map(|room| room.least.max(0.0)).fold(0.0, f64::max);
        // `ceil` adds up to a node to the load of a site, and one in use has its least.
        let nodes = load / per_node + open as f64 * (1.0 + least);
        self.joint.iter().all(|row| {
            if row.terms.iter().any(|(_, coefficient)| *coefficient < 0.0) {
                return false;
            }
            let (mut full, mut dearest, mut builds) = (0.0, 0.0_f64, Vec::new());
            for (column, coefficient) in &row.terms {
                match self.roles[*column] {
                    Role::Nodes(site) => {
                        full += coefficient * self.room[site].most.max(0.0);
                        dearest = dearest.max(*coefficient);
                    }
                    _ => builds.push(*coefficient),
                }
            }
            builds.sort_by(|a, b| b.total_cmp(a));
            let largest = builds.into_iter().take(open).sum::<f64>() + full.min(dearest * nodes);
            largest <= row.limit * (1.0 + TOLERANCE)
        })
    }
}
