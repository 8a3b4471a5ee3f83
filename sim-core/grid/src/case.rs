//! A transmission case on plain arrays: what MATPOWER's case format, version 2, says about active power.
//!
//! Rows keep the order of the file, in service or not, so that row numbers in results are those of the file (from 0). Reactive
//! power and voltages have no place in the DC approximation and are not kept.

/// A transmission case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Case {
    /// Name of the case -- constant.
    pub name: String,
    /// Power base of the per-unit quantities \[MVA\] -- constant.
    pub base_mva: f64,
    /// Buses in file order -- constant.
    pub buses: Vec<Bus>,
    /// Generating units in file order -- constant.
    pub generators: Vec<Generator>,
    /// Lines and transformers in file order -- constant.
    pub branches: Vec<Branch>,
    /// Controllable direct-current lines in file order -- constant.
    pub dc_lines: Vec<DcLine>,
}

/// Role of a bus in a power flow (column 2 of MATPOWER's bus table).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BusKind {
    /// Type 1: load bus.
    #[default]
    Load,
    /// Type 2: generator bus.
    Generator,
    /// Type 3: angle reference and slack of its island.
    Reference,
    /// Type 4: not connected; everything at it is out of service.
    Isolated,
}

/// A bus.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bus {
    /// Number in the file; unique, in any order -- constant.
    pub number: u64,
    /// Name, or empty -- constant.
    pub name: String,
    /// Role -- constant.
    pub kind: BusKind,
    /// Active demand; negative is generation that cannot be controlled \[MW\] -- constant.
    pub demand_mw: f64,
    /// Active power that the shunt takes at 1 p.u. voltage \[MW\] -- constant.
    pub shunt_mw: f64,
    /// Area -- constant.
    pub area: u64,
    /// Loss zone -- constant.
    pub zone: u64,
    /// Voltage angle of the file: fixes that of the reference bus \[degrees\] -- constant.
    pub angle_deg: f64,
    /// Base voltage \[kV\] -- constant.
    pub base_kv: f64,
}

/// A generating unit, or a dispatchable load (both limits at or below zero).
#[derive(Clone, Debug, PartialEq)]
pub struct Generator {
    /// Position of its bus in [`Case::buses`] -- constant.
    pub bus: usize,
    /// Whether it is in service -- constant.
    pub in_service: bool,
    /// Output of the file's operating point \[MW\] -- constant.
    pub output_mw: f64,
    /// Least output \[MW\] -- constant.
    pub min_mw: f64,
    /// Most output \[MW\] -- constant.
    pub max_mw: f64,
    /// Cost of its output; absent where the file has no cost table -- constant.
    pub cost: Option<Cost>,
}

/// Cost of an output by the hour.
#[derive(Clone, Debug, PartialEq)]
pub enum Cost {
    /// `quadratic * p^2 + linear * p + constant`, with p in MW.
    Polynomial {
        /// [$/MW²h] -- constant.
        quadratic: f64,
        /// [$/MWh] -- constant.
        linear: f64,
        /// [$/h] -- constant.
        constant: f64,
    },
    /// Straight between points (output \[MW\], cost [$/h]) of increasing output, the outer segments prolonged. At least two points.
    Piecewise(Vec<(f64, f64)>),
}

/// A line or a transformer.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    /// Position of its "from" bus in [`Case::buses`] -- constant.
    pub from: usize,
    /// Position of its "to" bus -- constant.
    pub to: usize,
    /// Whether it is in service -- constant.
    pub in_service: bool,
    /// Series resistance \[p.u.\] -- constant.
    pub resistance_pu: f64,
    /// Series reactance, not zero when in service; negative for series capacitors \[p.u.\] -- constant.
    pub reactance_pu: f64,
    /// Long-term rating; none is unlimited \[MW\] -- constant.
    pub rate_a_mw: Option<f64>,
    /// Short-term rating \[MW\] -- constant.
    pub rate_b_mw: Option<f64>,
    /// Emergency rating \[MW\] -- constant.
    pub rate_c_mw: Option<f64>,
    /// Off-nominal tap ratio; 1 for a line (0 in the file) -- constant.
    pub tap: f64,
    /// Phase shift \[degrees\] -- constant.
    pub shift_deg: f64,
    /// Least angle difference; none is unlimited \[degrees\] -- constant.
    pub angle_min_deg: Option<f64>,
    /// Most angle difference; none is unlimited \[degrees\] -- constant.
    pub angle_max_deg: Option<f64>,
}

/// A direct-current line whose flow is chosen, with a linear loss: what arrives is
/// `p - loss_mw - loss_share * p` of the `p` that leaves "from".
#[derive(Clone, Debug, PartialEq)]
pub struct DcLine {
    /// Position of its "from" bus -- constant.
    pub from: usize,
    /// Position of its "to" bus -- constant.
    pub to: usize,
    /// Whether it is in service -- constant.
    pub in_service: bool,
    /// Flow at "from" of the file's operating point \[MW\] -- constant.
    pub flow_mw: f64,
    /// Least flow at "from" \[MW\] -- constant.
    pub min_mw: f64,
    /// Most flow at "from" \[MW\] -- constant.
    pub max_mw: f64,
    /// Constant loss \[MW\] -- constant.
    pub loss_mw: f64,
    /// Loss per flow -- constant.
    pub loss_share: f64,
    /// Cost of the flow at "from" -- constant.
    pub cost: Option<Cost>,
}
