//! Conservation: what goes in comes out, is lost, or is still there.

/// Totals of one history. Each is accumulated on its own; [`Balance::residuals`] compares them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Balance {
    /// Generated on the grid \[MWh\].
    pub generated_mwh: f64,
    /// Taken out of storage \[MWh\].
    pub discharged_mwh: f64,
    /// Put into storage, before its losses \[MWh\].
    pub charged_mwh: f64,
    /// Asked for by loads and sites \[MWh\].
    pub demanded_mwh: f64,
    /// Served to loads and sites \[MWh\].
    pub served_mwh: f64,
    /// Not served to loads and sites \[MWh\].
    pub shed_mwh: f64,
    /// Lost in storage \[MWh\].
    pub storage_lost_mwh: f64,
    /// Stored at the end less stored at the start \[MWh\].
    pub stored_delta_mwh: f64,
    /// Asked for.
    pub tokens_demanded: f64,
    /// Served.
    pub tokens_served: f64,
    /// Lost.
    pub tokens_lost: f64,
    /// Batch work that waits at the end.
    pub tokens_waiting: f64,
    /// Training compute done \[FLOP\].
    pub compute_done: f64,
    /// Of which still of use at the end \[FLOP\].
    pub compute_retained: f64,
    /// Of which lost to interruptions \[FLOP\].
    pub compute_lost: f64,
    /// Accelerators of campaigns times the time since their first start [accelerator s].
    pub training_s: f64,
    /// The same as the sum of what was useful, at full speed, and of what was lost in each way [accelerator s].
    pub training_parts_s: f64,
    /// Copies at the start \[B\].
    pub bytes_created: f64,
    /// Copies made again later, from other copies or backups \[B\].
    pub bytes_replicated: f64,
    /// Copies at the end \[B\].
    pub bytes_held: f64,
    /// Copies destroyed \[B\].
    pub bytes_lost: f64,
    /// Lines of cost and their amounts \[EUR\].
    pub money_lines: Vec<(&'static str, f64)>,
    /// Total of the lines as the metrics report it \[EUR\].
    pub money_total: f64,
    /// Campaigns of the scenario.
    pub campaigns: u32,
    /// Completed.
    pub campaigns_done: u32,
    /// At work at the end.
    pub campaigns_running: u32,
    /// Waiting for their start, for accelerators, for power or for data at the end.
    pub campaigns_waiting: u32,
    /// Not in the plan.
    pub campaigns_dropped: u32,
}

impl Balance {
    /// Imbalance of each law relative to its turnover; zero up to rounding.
    #[must_use]
    pub fn residuals(&self) -> [(&'static str, f64); 10] {
        let relative = |incoming: f64, outgoing: f64| {
            let turnover = incoming.abs().max(outgoing.abs());
            if turnover == 0.0 { 0.0 } else { (incoming - outgoing).abs() / turnover }
        };
        let ended = self.campaigns_done + self.campaigns_running + self.campaigns_waiting + self.campaigns_dropped;
        [
            ("grid energy", relative(self.generated_mwh + self.discharged_mwh, self.served_mwh + self.charged_mwh)),
            ("energy demand", relative(self.demanded_mwh, self.served_mwh + self.shed_mwh)),
            ("storage", self.storage_residual()),
            ("tokens", relative(self.tokens_demanded, self.tokens_served + self.tokens_lost + self.tokens_waiting)),
            ("compute", relative(self.compute_done, self.compute_retained + self.compute_lost)),
            ("training time", relative(self.training_s, self.training_parts_s)),
            ("bytes", relative(self.bytes_created + self.bytes_replicated, self.bytes_held + self.bytes_lost)),
            ("money", relative(self.money_lines.iter().map(|(_, eur)| eur).sum(), self.money_total)),
            ("campaigns", relative(f64::from(self.campaigns), f64::from(ended))),
            ("sign", f64::from(u8::from(self.least() < 0.0))),
        ]
    }

    /// Relative to the energy moved, not to the small difference that stays.
    fn storage_residual(&self) -> f64 {
        let difference = self.charged_mwh - self.discharged_mwh - self.storage_lost_mwh - self.stored_delta_mwh;
        let turnover = self.charged_mwh.abs() + self.discharged_mwh.abs() + self.stored_delta_mwh.abs();
        if turnover == 0.0 { 0.0 } else { difference.abs() / turnover }
    }

    /// The smallest of the totals that cannot be negative.
    fn least(&self) -> f64 {
        let totals = [
            self.generated_mwh,
            self.discharged_mwh,
            self.charged_mwh,
            self.demanded_mwh,
            self.served_mwh,
            self.shed_mwh,
            self.storage_lost_mwh,
            self.tokens_demanded,
            self.tokens_served,
            self.tokens_lost,
            self.tokens_waiting,
            self.compute_done,
            self.compute_retained,
            self.compute_lost,
            self.bytes_created,
            self.bytes_replicated,
            self.bytes_held,
            self.bytes_lost,
        ];
        totals.into_iter().fold(f64::INFINITY, f64::min)
    }
}
