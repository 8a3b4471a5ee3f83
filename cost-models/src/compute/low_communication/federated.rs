//! Federated rounds: clients with their own data train and send their updates; the slow ones are waited for, or not.

/// A client of a federated round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Client {
    /// Time of its local training \[s\].
    pub compute: f64,
    /// Bandwidth towards it \[bit/s\].
    pub down: f64,
    /// Bandwidth from it \[bit/s\].
    pub up: f64,
    /// Round-trip time \[s\].
    pub round_trip: f64,
}

/// A round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// Time until enough updates are in \[s\].
    pub time: f64,
    /// Share of the selected clients' computing that is thrown away because they came too late.
    pub wasted: f64,
    /// Data that went either way (bit): late clients have had the model sent to them too.
    pub traffic: f64,
}

impl Client {
    /// Time until its update is in \[s\]: the model goes out, is trained, and comes back (Bonawitz et al. 2019, section 2).
    #[must_use]
    pub fn time(&self, bits_down: f64, bits_up: f64) -> f64 {
        self.round_trip + bits_down / self.down + self.compute + bits_up / self.up
    }
}

/// A round that ends when `needed` of the selected clients have answered: selecting more than needed makes it independent of
/// stragglers (Bonawitz et al. 2019, Towards Federated Learning at Scale, section 2.2: 130 %). `None` where fewer than
/// `needed` ever answer.
#[must_use]
pub fn federated_round(clients: &[Client], needed: usize, bits_down: f64, bits_up: f64) -> Option<Round> {
    let mut times: Vec<(f64, f64)> =
        clients.iter().map(|it| (it.time(bits_down, bits_up), it.compute)).filter(|it| it.0.is_finite() && it.0 >= 0.0).collect();
    times.sort_by(|a, b| a.0.total_cmp(&b.0));
    let last = needed.checked_sub(1)?;
    let time = times.get(last)?.0;
    let all: f64 = times.iter().map(|it| it.1).sum();
    let late: f64 = times[needed..].iter().map(|it| it.1).sum();
    Some(Round {
        time,
        wasted: if all > 0.0 { late / all } else { 0.0 },
        traffic: times.len() as f64 * bits_down + needed as f64 * bits_up,
    })
}

/// Expected time of a round with `selected` alike clients of which `needed` must answer, each taking `least` and an
/// exponential delay of mean `delay` \[s\]: `least + delay (H(n) - H(n - k))` with harmonic numbers (Lee et al. 2018, Speeding
/// Up Distributed Machine Learning Using Codes, section III). `None` where fewer are selected than needed.
#[must_use]
pub fn expected_round(selected: u32, needed: u32, least: f64, delay: f64) -> Option<f64> {
    let rest = selected.checked_sub(needed)?;
    Some(least + delay * (harmonic(selected) - harmonic(rest)))
}

/// Sum of 1/1 .. 1/n: exact for small n, else Euler's expansion (error below 1/(120 n^4)).
fn harmonic(n: u32) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if n <= 100 {
        (1..=n).map(|it| 1.0 / f64::from(it)).sum()
    } else {
        let n = f64::from(n);
        n.ln() + EULER + 0.5 / n - 1.0 / (12.0 * n * n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_of_those_needed_ends_the_round() {
        // 1 Gbit down at 100 Mbit/s: 10 s; 0.1 Gbit up at 10 Mbit/s: 10 s.
        let at = |compute: f64| Client { compute, down: 1e8, up: 1e7, round_trip: 0.0 };
        let clients = [at(50.0), at(10.0), at(100.0), at(f64::NAN)];
        let all = federated_round(&clients, 3, 1e9, 1e8).unwrap();
        assert!((all.time - 120.0).abs() < 1e-9 && all.wasted.abs() < 1e-12);
        let two = federated_round(&clients, 2, 1e9, 1e8).unwrap();
        assert!((two.time - 70.0).abs() < 1e-9 && (two.wasted - 100.0 / 160.0).abs() < 1e-12);
        assert!((two.traffic - (3e9 + 2e8)).abs() < 1.0);
        assert_eq!(federated_round(&clients, 4, 1e9, 1e8), None);
        assert_eq!(federated_round(&clients, 0, 1e9, 1e8), None);
    }

    #[test]
    fn selecting_thirty_percent_more_shortens_the_tail() {
        // All of 100: H(100) = 5.187 delays; 100 of 130: H(130) - H(30) = 1.455.
        let all = expected_round(100, 100, 60.0, 60.0).unwrap();
        let more = expected_round(130, 100, 60.0, 60.0).unwrap();
        assert!((all - 60.0 * 6.187_377_5).abs() < 1e-3, "{all}");
        assert!((more - 60.0 * 2.454).abs() < 0.1, "{more}");
        assert_eq!(expected_round(10, 11, 1.0, 1.0), None);
    }
}
