//! A small alliance, three plans for it and made-up histories, for tests of what is written and shown. No simulation: the
//! numbers only have the right shapes. Also used by the tests of the report.

use std::sync::Arc;

use super::bastide_sim::results::{
    AdequacyCase, AdequacyFacts, AiCase, AlternativeMeta, HostPointFacts, HostSize, HostingFacts, Mean, RunFacts, ShortfallFacts,
    StudyMeta, YieldFacts, ZoneFacts,
};
use super::bastide_sim::{Balance, EventRecord, History, Layout};
use bastide_engine::{Distribution, Stream, stream_key};
use bastide_model::model::*;
use bastide_model::plan::*;
use bastide_model::source::Span;
use bastide_units::*;

pub const REPLICATIONS: u32 = 24;

fn entity(name: &str, title: &str) -> Entity {
    Entity { name: name.into(), title: title.into(), span: Span::file("scenario.toml") }
}

fn input(path: &str, text: &str) -> InputFile {
    let hash = blake3_of(text);
    InputFile { path: path.into(), bytes: Arc::from(text.as_bytes()), hash }
}

/// Not BLAKE3, only a word that changes with the text: the writer copies what the loader found.
fn blake3_of(text: &str) -> String {
    format!("{:016x}", stream_key("input", text))
}

fn site(name: &str, title: &str, place: (f64, f64), at: (u32, u32), tier: SiteTier, mw: f64) -> Site {
    Site {
        entity: entity(name, title),
        bus: BusId(at.1),
        nation: NationId(at.0),
        tier,
        place: Some(Place { latitude: place.0, longitude: place.1 }),
        existing: false,
        connection: Power::from_mw(mw),
        interruptible: false,
        pue: 1.2,
        pue_rise_per_degree: 0.0,
        free_cooling: Temperature::from_celsius(18.0),
        temperature: None,
        cooling_limit: Temperature::from_celsius(40.0),
        cooling_loss_per_degree: 0.05,
        wue: WaterIntensity::from_l_per_kwh(0.3),
        ups: Duration::from_min(10.0),
        generator_start: 0.98,
        fuel: Duration::from_h(48.0),
        refuel: Distribution::Fixed(86_400.0),
        restart: Distribution::Fixed(3600.0),
        supply: bastide_model::model::SiteSupply::default(),
        reliability: None,
        hardening: Hardening::None,
        operator: "national-operator".into(),
        operator_nation: NationId(at.0),
        certifications: vec![],
        firmware: None,
        segment: SegmentId(0),
        land: Area::from_ha(2.0),
        fixed_cost: Money::from_meur(5.0),
        building_cost: CapacityCost::from_meur_per_mw(9.0),
        connection_cost: CapacityCost::from_meur_per_mw(0.3),
        fixed_upkeep: MoneyRate::from_eur_per_y(1e6),
        upkeep: CapacityRate::from_eur_per_mw_y(1e5),
        max_it_power: Power::from_mw(mw / 1.2),
        lead_time: Duration::ZERO,
        max_accelerators: None,
        racks_per_hall: None,
        repair_crews: None,
        spares: None,
    }
}

fn service(name: &str, title: &str, nation: u32, tier: Tier, demand: f64) -> Service {
    Service {
        entity: entity(name, title),
        nation: NationId(nation),
        tier,
        model: "llama-3.1-70b".into(),
        demand: TokenRate::from_tokens_per_s(demand),
        profile: Profile::Constant(1.0),
        origins: vec![(NationId(nation), 1.0)],
        max_latency: Duration::from_ms(100.0),
        bytes_per_token: None,
        dataset: None,
        value: TokenPrice::from_eur_per_mtokens(5.0),
        security_overhead: 0.0,
        users: None,
        critical: Critical::default(),
        shape: bastide_model::model::DemandShape::default(),
        operation: bastide_model::model::Operation::default(),
    }
}

/// A scenario by hand; `title` may be hostile.
pub fn model(title: &str) -> Model {
    let nation = |name: &str, title: &str, latitude, longitude| Nation {
        entity: entity(name, title),
        groups: vec!["eu".into()],
        hub: Some(Place { latitude, longitude }),
        utc_offset: Duration::ZERO,
        backbone: false,
    };
    let nations = vec![
        nation("poland", "Poland", 52.23, 21.01),
        nation("lithuania", "Lithuania", 54.69, 25.28),
        nation("latvia", "Latvia", 56.95, 24.11),
        nation("estonia", "Estonia", 59.44, 24.75),
        nation("finland", "Finland", 60.17, 24.94),
        nation("sweden", "Sweden", 55.60, 13.00),
    ];
    let places = [(52.0, 19.2), (55.3, 23.9), (56.9, 25.2), (58.7, 25.6), (61.2, 25.5), (56.2, 14.2)];
    let buses = (nations.iter().zip(["PL", "LT", "LV", "EE", "FI", "SE4"]).zip(places).enumerate())
        .map(|(index, ((nation, short), place))| Bus {
            entity: entity(&short.to_lowercase(), &format!("{} ({short})", nation.entity.title)),
            nation: NationId(index as u32),
            place: Some(Place { latitude: place.0, longitude: place.1 }),
            energy_price: Profile::Constant(2.5e-8),
            hosting_limit: None,
            hosting_limit_by_year: Vec::new(),
            carbon: None,
            forecast_error: 0.0,
            restoration: bastide_model::model::BusRestoration::default(),
        })
        .collect();
    let line = |name: &str, title: &str, from, to, mw| Line {
        entity: entity(name, title),
        from: BusId(from),
        to: BusId(to),
        capacity: Power::from_mw(mw),
        reverse_capacity: Power::from_mw(mw),
        reactance_pu: None,
        phase_shift_deg: 0.0,
        reliability: None,
    };
    let lines = vec![
        line("litpol", "LitPol Link", 1, 0, 500.0),
        line("nordbalt", "NordBalt", 1, 5, 700.0),
        line("swepol", "SwePol", 0, 5, 600.0),
        line("estlink", "Estlink", 3, 4, 1000.0),
        line("lt-lv", "Lithuania to Latvia", 1, 2, 1200.0),
        line("ee-lv", "Estonia to Latvia", 3, 2, 1250.0),
    ];
    let sites = vec![
        site("warsaw", "Warsaw", (52.23, 21.01), (0, 0), SiteTier::Core, 120.0),
        site("poznan", "Poznań", (52.41, 16.93), (0, 0), SiteTier::Regional, 40.0),
        site("krakow", "Kraków", (50.06, 19.94), (0, 0), SiteTier::Regional, 40.0),
        site("gdansk", "Gdańsk", (54.35, 18.65), (0, 0), SiteTier::Regional, 30.0),
        site("wroclaw", "Wrocław", (51.11, 17.04), (0, 0), SiteTier::Regional, 30.0),
        site("vilnius", "Vilnius", (54.69, 25.28), (1, 1), SiteTier::Regional, 25.0),
        site("kaunas", "Kaunas", (54.90, 23.90), (1, 1), SiteTier::Edge, 5.0),
        site("riga", "Rīga", (56.95, 24.11), (2, 2), SiteTier::Core, 40.0),
        site("tallinn", "Tallinn", (59.44, 24.75), (3, 3), SiteTier::Regional, 20.0),
        site("tartu", "Tartu", (58.38, 26.72), (3, 3), SiteTier::Edge, 5.0),
    ];
    let services = vec![
        service("alerting", "Alerting and command", 0, Tier::T0, 60_000.0),
        service("health", "Hospitals and ministries", 1, Tier::T1, 200_000.0),
        service("finance", "Banks and industry", 0, Tier::T2, 700_000.0),
        service("citizens", title, 2, Tier::T3, 1_500_000.0),
    ];
    let accelerator = Accelerator {
        entity: entity("b200", "NVIDIA B200"),
        peak: ComputeRate::from_tflop_per_s(2250.0),
        memory: DataSize::from_gb(180.0),
        memory_bandwidth: Bandwidth::from_gb_per_s(8000.0),
        power: Power::from_kw(1.94),
        idle_share: 0.3,
        price: Money::from_eur(45_000.0),
        per_node: 8,
        nodes_per_rack: None,
        node_reliability: Reliability { failure_rate: Rate::from_per_d(0.0065), repair: Distribution::Fixed(86_400.0) },
        lifetime: Duration::from_y(5.0),
        vendor: "NVIDIA".into(),
        vendor_nation: "United States".into(),
    };
    let fibre = |name: &str, from, to| Link {
        entity: entity(name, name),
        from: Endpoint::Nation(NationId(from)),
        to: Endpoint::Nation(NationId(to)),
        kind: LinkKind::Fibre,
        bandwidth: Bandwidth::from_gbit_per_s(400.0),
        latency: Duration::from_ms(6.0),
        length: None,
        build_cost: None,
        ducts: vec![],
        standby: false,
        reliability: None,
    };
    let mut cable = fibre("c-lion", 3, 4);
    cable.kind = LinkKind::Submarine;
    let assumption = |key: &str, value: &str, source: Option<&str>, verified| Assumption {
        key: key.into(),
        value: value.into(),
        source: source.map(Into::into),
        verified,
        place: "scenario.toml:12".into(),
    };
    let legal = vec![vec![Legality { from: Time::ZERO, until: Time::NEVER, forbidden_by: None }; sites.len()]; services.len()];
    let campaign = Campaign {
        entity: entity("baltic-70b", "Baltic 70B pre-training"),
        nation: NationId(0),
        tier: Tier::T3,
        compute: Compute::from_flop(6.3e24),
        accelerators: 4096,
        mode: CampaignMode::Synchronous,
        utilisation: 0.38,
        start: Time::ZERO,
        deadline: Time::from_hours(200 * 24),
        checkpoints: Checkpoints::blocking(Duration::from_h(1.0), Duration::ZERO),
        detection: Duration::ZERO,
        restart: Distribution::Fixed(Duration::from_min(15.0).as_s()),
        relocate_after: None,
        planned_stops: Rate::ZERO,
        dataset: None,
        cost_of_delay: MoneyRate::from_eur_per_d(1e5),
        value: Money::from_meur(300.0),
    };
    let all: Vec<SiteId> = (0..sites.len()).map(SiteId::from_index).collect();
    Model {
        header: Header {
            name: "synthetic-alliance".into(),
            title: format!("Synthetic alliance {title}"),
            question: "Which architecture keeps the alliance's AI services alive through a winter of strikes?".into(),
            start: "2027-01-01T00:00:00Z".into(),
            start_epoch_s: 1_798_761_600,
            duration: Duration::from_y(1.0),
            hours: 8760,
            price_year: 2025,
            seed: 7,
            folder: "synthetic".into(),
        },
        inputs: vec![input("scenario.toml", "title = 1\n"), input("../base.toml", "x\n"), input("series/demand.csv", "time,a\n")],
        assumptions: vec![
            assumption("accelerator.b200.price", "45 kEUR", Some("dealer's offer, 2025"), Some(true)),
            assumption("site.riga.connection", "40 MW", Some("operator's map"), Some(false)),
            assumption("service.citizens.demand", "1.5 M tokens/s", None, None),
        ],
        series: vec![],
        nations,
        buses,
        lines,
        generators: vec![],
        storages: vec![],
        loads: vec![],
        legal_campaign: vec![legal[0].clone()],
        legal_dataset: vec![],
        evacuations: vec![],
        spikes: vec![],
        replicas: vec![],
        token_rate: vec![vec![TokenRate::from_tokens_per_s(400.0)]; services.len()],
        training_rate: vec![vec![ComputeRate::from_tflop_per_s(850.0)]],
        laws: vec![],
        legal_service: legal,
        growth: bastide_model::model::Growth::default(),
        planning: Planning {
            span: Span::file("scenario.toml"),
            budget_span: Span::file("scenario.toml"),
            it_power_span: Span::file("scenario.toml"),
            ranking: bastide_model::model::Ranking::cost(&Span::file("scenario.toml")),
            budget: Money::from_meur(3000.0),
            it_power: Power::from_mw(194.0),
            candidates: all,
            accelerators: vec![(AcceleratorId(0), None)],
            survive_site_loss: vec![Tier::T0, Tier::T1],
            min_service: [Some(1.0), Some(0.9), None, None],
            uncertainty: Uncertainty::default(),
            verification: None,
            sites: (0, 10),
            discount_rate: 0.06,
            serving_cost: None,
            survive_link_loss: false,
            building_lifetime: Duration::from_y(20.0),
            lead_time: Duration::ZERO,
            gap: 1e-3,
            time_limit: Duration::from_s(60.0),
        },
        sites,
        accelerators: vec![accelerator],
        fleets: vec![],
        links: vec![fibre("rail-baltica", 0, 1), fibre("via-baltica", 1, 2), fibre("north", 2, 3), cable],
        facilities: vec![],
        datasets: vec![],
        services,
        campaigns: vec![campaign],
        munitions: Vec::new(),
        defences: Vec::new(),
        repair_pools: Vec::new(),
        failures: vec![],
        maintenances: vec![],
        power_caps: vec![],
        hazards: vec![Hazard {
            entity: entity("salvos", "Winter salvos"),
            kind: HazardKind::CableCut {
                targets: vec![LinkId(3)],
                timing: Timing::At(Time::from_hours(500)),
                cuts: 1,
                repair: Distribution::Fixed(86_400.0),
            },
        }],
        segments: vec!["control".into()],
        segment_graph: bastide_model::model::SegmentGraph::default(),
        policy: Policy {
            failover: Failover::Planned,
            failover_time: Duration::from_min(5.0),
            preempt_training: true,
            value_of_lost_load: EnergyPrice::from_eur_per_mwh(1000.0),
            headroom: 0.7,
            grid: bastide_model::model::GridPolicy::default(),
        },
        investments: vec![],
        alternatives: vec![],
        cases: Vec::new(),
        report: ReportSettings { letterhead: Some("Ministry of Digital Affairs".into()), ..ReportSettings::default() },
    }
}

type Alternative = (&'static str, &'static str, &'static [(u32, u32)]);

/// What each alternative builds: (site, accelerators), and its words.
pub const ALTERNATIVES: [Alternative; 3] = [
    (
        "recommended",
        "Recommended: hardened core with edge",
        &[(0, 40_000), (1, 12_000), (3, 8_000), (5, 8_000), (6, 1_600), (7, 14_400), (8, 6_000), (9, 1_600)],
    ),
    ("one-campus", "One campus", &[(0, 92_000)]),
    (
        "many-sites",
        "Many small sites",
        &[(0, 8_000), (1, 12_000), (2, 12_000), (3, 12_000), (4, 12_000), (5, 8_000), (6, 1_600), (7, 12_000), (8, 8_000), (9, 1_600)],
    ),
];

/// A plan of the model, by the number of its alternative.
pub fn plan(model: &Model, alternative: usize) -> Plan {
    let (name, _, builds) = ALTERNATIVES[alternative];
    let first = SiteId(builds[0].0);
    let last = SiteId(builds[builds.len() - 1].0);
    let capital = 45_000.0 * builds.iter().map(|x| f64::from(x.1)).sum::<f64>();
    let line = |line: &str, annual: f64, capital: f64| CostLine { line: line.into(), annual_eur: annual, capital_eur: capital };
    let extra = [1.0, 0.93, 1.06][alternative];
    let cost = vec![
        line("accelerators", capital * 0.237, capital),
        line("buildings", 160e6 * extra, 1.7e9 * extra - 1.2e9),
        line("upkeep", 31e6 * extra, 0.0),
        line("energy", 148e6 * extra, 0.0),
        line("unserved demand", 4.2e6, 0.0),
    ];
    let objective: f64 = cost.iter().map(|x| x.annual_eur).sum();
    Plan {
        name: name.into(),
        builds: builds.iter().map(|x| Build { site: SiteId(x.0), accelerator: AcceleratorId(0), count: x.1 }).collect(),
        investments: vec![],
        placements: (0..model.services.len())
            .map(|index| Placement {
                service: ServiceId::from_index(index),
                site: if index % 2 == 0 { first } else { last },
                share: 1.0,
                accelerators: vec![(AcceleratorId(0), 150.0 * (index + 1) as f64)],
            })
            .collect(),
        standbys: vec![StandBy { service: ServiceId(0), of: first, site: last, share: 1.0 }],
        campaigns: vec![CampaignPlacement { campaign: CampaignId(0), site: first, accelerator: AcceleratorId(0), islands: 1 }],
        replicas: vec![],
        links: vec![],
        unserved: vec![(ServiceId(3), TokenRate::from_tokens_per_s(12_000.0))],
        cost,
        prices: vec![
            Price {
                constraint: "budget".into(),
                annual_eur: 86_000.0,
                unit: "M EUR".into(),
                limit: 3000.0,
                place: "scenario.toml:31:10".into(),
            },
            Price {
                constraint: "connection of riga".into(),
                annual_eur: 12_300.0,
                unit: "MW".into(),
                limit: 40.0,
                place: "scenario.toml:88:14".into(),
            },
        ],
        hedge: Hedge::default(),
        roadmap: None,
        certificate: Some(Certificate {
            status: SolveStatus::WithinGap,
            solver: "HiGHS 1.15".into(),
            objective_eur: objective,
            bound_eur: objective * 0.9995,
            gap: 5e-4,
            rows: 812,
            columns: 644,
            integers: 120,
        }),
    }
}

/// A made-up history: outages of the alternative's sites drag down what is served.
pub fn history(model: &Model, layout: &Layout, alternative: usize, replication: u32) -> History {
    let builds = ALTERNATIVES[alternative].2;
    let total: f64 = builds.iter().map(|x| f64::from(x.1)).sum();
    let bin_h = layout.bin.as_h();
    // Served share of capacity by bin.
    let mut up = vec![1.0_f64; layout.bins];
    let mut events = Vec::new();
    let mut push = |time: f64, cause, kind, entity_kind, entity, value| {
        let seq = events.len() as u64;
        events.push(EventRecord {
            time: Time::ZERO + Duration::from_h(time),
            seq,
            cause_seq: cause,
            kind,
            entity_kind,
            entity,
            value,
            note: "",
        });
        seq
    };
    let mut shocks = Vec::new();
    for hit in 0..6_u32 {
        let mut stream = Stream::new(7, replication, stream_key("salvo", &hit.to_string()));
        let time = 600.0 + 7000.0 * stream.uniform();
        shocks.push((time, 24.0 + 400.0 * stream.uniform(), (stream.uniform() * builds.len() as f64) as usize));
    }
    shocks.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (time, hours, place) in shocks {
        let (site, count) = builds[place.min(builds.len() - 1)];
        let strike = push(time, None, "strike", "hazard", 0, 3.0);
        let down = push(time, Some(strike), "site-down", "site", site, hours);
        let lost = push(time + 0.1, Some(down), "service-lost", "service", 3, 1.0 - f64::from(count) / total);
        push(time + hours, Some(lost), "service-restored", "service", 3, 1.0);
        push(time + hours, Some(down), "site-up", "site", site, 0.0);
        let (from, until) = ((time / bin_h) as usize, ((time + hours) / bin_h) as usize);
        for bin in up.iter_mut().take(until + 1).skip(from) {
            *bin = (*bin - f64::from(count) / total).max(0.0);
        }
    }
    let mean = |power: f64| up.iter().map(|x| x.powf(power)).sum::<f64>() / up.len() as f64;
    let powers = [("T0", 0.05), ("T1", 0.3), ("T2", 0.9), ("T3", 1.4)];
    let power = |tier: &str| powers.iter().find(|x| x.0 == tier).map_or(1.0, |x| x.1);
    let cost = plan(model, alternative).cost;
    let metrics = (layout.metrics.iter())
        .map(|def| match (def.entity_kind, def.metric) {
            ("system" | "service", "served_share") => mean(1.0),
            ("tier", "served_share") => mean(power(&def.entity)),
            ("tier", "hours_below_90") => bin_h * up.iter().filter(|x| x.powf(power(&def.entity)) < 0.9).count() as f64,
            ("tier", "hours_below_50") => bin_h * up.iter().filter(|x| x.powf(power(&def.entity)) < 0.5).count() as f64,
            ("system", "training_goodput" | "training_progress") | ("campaign", "goodput") => 0.93 * mean(2.0),
            ("system", "co2") => 410_000.0 * mean(1.0) * [1.0, 1.4, 0.97][alternative],
            ("system", "water") => 390_000.0 * mean(1.0),
            ("system", "cost_per_mtokens") => 9.7 / mean(1.0),
            ("system", "tokens_lost") => 7.7e7 * (1.0 - mean(1.0)),
            ("system", "tokens_served") => 7.7e7 * mean(1.0),
            ("system", "effective_sovereignty") => [0.82, 0.4, 0.85][alternative],
            ("system", "hhi_site") => builds.iter().map(|x| (f64::from(x.1) / total).powi(2)).sum(),
            ("system", "hhi_vendor") => 1.0,
            ("system", "others_unserved") => 14.0 * (1.0 - mean(1.0)),
            ("bus", "shed_energy") => 3.0 * (1.0 - mean(1.0)),
            ("bus", "shed_hours") => 0.7 * (1.0 - mean(1.0)),
            ("bus", "price") => 85.0,
            ("site", "built") => f64::from(u8::from(builds.iter().any(|x| model.sites[x.0 as usize].entity.name == def.entity))),
            ("cost", _) => match def.entity.as_str() {
                "capital" => cost[0].annual_eur + cost[1].annual_eur,
                "upkeep" => cost[2].annual_eur,
                "energy" => cost[3].annual_eur * mean(1.0),
                "lost tokens" => 4e8 * (1.0 - mean(1.0)),
                "training delay" => 0.0,
                _ => cost[..3].iter().map(|x| x.annual_eur).sum::<f64>() + cost[3].annual_eur * mean(1.0) + 4e8 * (1.0 - mean(1.0)),
            },
            _ => 0.0,
        })
        .collect();
    let timeline = (layout.channels.iter())
        .flat_map(|def| {
            let value = move |x: f64| match (def.entity_kind, def.channel) {
                ("tier", _) => x.powf(power(&def.entity)),
                (_, "training_goodput") => 0.93 * x * x,
                (_, "ai_power") => 190.0 * x,
                (_, "others_shed") => 0.0,
                _ => x,
            };
            up.iter().map(move |x| value(*x) as f32)
        })
        .collect();
    History { replication, metrics, timeline, events, balance: Balance::default() }
}

/// The study with these plans and plan files.
pub fn meta<'a>(
    model: &'a Model,
    plans: &'a [(Plan, String)],
    run: &'a RunFacts,
    alternatives: &'a mut Vec<AlternativeMeta<'a>>,
) -> StudyMeta<'a> {
    alternatives.extend(plans.iter().zip(ALTERNATIVES).map(|((plan, file), (name, title, _))| AlternativeMeta { name, title, plan, file }));
    StudyMeta {
        model,
        sets: &[],
        seed: 7,
        replications: REPLICATIONS,
        alternatives,
        version: "0.1.0",
        command: "bastide study scenarios/synthetic-alliance --seed 7 -n 24",
        warnings: &[],
        case: None,
        cases: &[],
        run,
    }
}

/// Plans with stand-ins for their files.
pub fn plans(model: &Model) -> Vec<(Plan, String)> {
    (0..ALTERNATIVES.len()).map(|index| (plan(model, index), format!("name = \"{}\"\n", ALTERNATIVES[index].0))).collect()
}

/// Histories of an alternative.
pub fn histories(model: &Model, layout: &Layout, alternative: usize, range: std::ops::Range<u32>) -> Vec<History> {
    range.map(|replication| history(model, layout, alternative, replication)).collect()
}

/// Made-up adequacy: every zone short for some hours, the more the further down the list; one that is beyond its limit, one without.
pub fn adequacy(model: &Model, alternatives: &[AlternativeMeta<'_>]) -> AdequacyFacts {
    let mean = |mean: f64| Mean { mean, stderr: Some(0.07 * mean) };
    let zones = model.buses.len();
    let case = |alternative: Option<&str>, ai: AiCase, more: f64| {
        let shortfall = |zone: usize| {
            let hours = 0.9 * zone as f64 + if zone == 1 { more } else { 0.0 };
            ShortfallFacts {
                lole_h_per_year: mean(hours),
                lolf_per_year: mean(hours / 4.0),
                eue_mwh_per_year: mean(90.0 * hours),
                neue_ppm: mean(hours),
            }
        };
        let site = YieldFacts {
            site: model.sites[SiteId(3)].entity.name.clone(),
            zone: 1,
            interruptible: ai == AiCase::Interruptible,
            mw: 20.0,
            hours_per_year: mean(5.0),
            share: mean(5.0 / 8760.0),
            mwh_per_year: mean(60.0),
            ..YieldFacts::default()
        };
        AdequacyCase {
            alternative: alternative.map(str::to_owned),
            ai,
            system: shortfall(zones),
            zones: (0..zones).map(shortfall).collect(),
            sites: if ai == AiCase::Without { vec![] } else { vec![site] },
        }
    };
    let mut cases = vec![case(None, AiCase::Without, 0.0)];
    for (at, x) in alternatives.iter().enumerate() {
        cases.push(case(Some(x.name), AiCase::AsPlanned, 0.5 + at as f64));
        cases.push(case(Some(x.name), AiCase::Interruptible, 0.0));
    }
    let size = |mw: f64, risk: f64| Some(HostSize { mw: mean(mw), misses_mw: Some(1.01 * mw), risk: mean(risk) });
    let host = |zone: usize| {
        let point = |at: u32| {
            let mw = 150.0 * f64::from(at);
            let hours = 0.02 * (mw / 70.0).exp2();
            HostPointFacts { mw, firm_lole_h_per_year: mean(hours), yield_share: mean(hours / 8760.0) }
        };
        let (firm, interruptible) = (size(505.0, 2.95), size(845.0, 0.0099));
        HostingFacts { zone, firm: if zone == 3 { None } else { firm }, interruptible, curve: (0..9).map(point).collect() }
    };
    AdequacyFacts {
        repetitions: 200,
        host_repetitions: 50,
        hours: model.header.hours,
        zones: (model.buses.iter())
            .map(|bus| ZoneFacts { zone: bus.entity.name.clone(), nation: model.nations[bus.nation].entity.name.clone() })
            .collect(),
        cases,
        most_lole_h_per_year: 3.0,
        most_yield_share: 0.01,
        hosting: (0..4).map(host).collect(),
    }
}
