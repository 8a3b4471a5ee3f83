//! A small model for tests, built in code; each test patches it.

use bastide_engine::Distribution;
use bastide_model::model::*;
use bastide_model::source::Span;
use bastide_units::*;

/// A place in an imagined scenario.
pub fn span(line: u32) -> Span {
    Span { file: "scenario.toml".into(), line, column: 1, length: 1, text: "".into() }
}

pub fn entity(name: &str, line: u32) -> Entity {
    Entity { name: name.to_owned(), title: name.to_owned(), span: span(line) }
}

/// One nation, one bus at 100 EUR/MWh, a year, no sites; 5 % over 20 years; type `card`: 1 kW, 30 k EUR, nodes of 8.
pub fn empty() -> Model {
    let bus = Bus {
        entity: entity("north", 2),
        nation: NationId(0),
        place: None,
        energy_price: Profile::Constant(EnergyPrice::from_eur_per_mwh(100.0).base()),
        hosting_limit: None,
        hosting_limit_by_year: Vec::new(),
        carbon: None,
        forecast_error: 0.0,
        restoration: bastide_model::model::BusRestoration::default(),
    };
    Model {
        growth: bastide_model::model::Growth::default(),
        header: Header {
            name: "test".into(),
            title: "test".into(),
            question: String::new(),
            start: "2027-01-01T00:00:00Z".into(),
            start_epoch_s: 0,
            duration: Duration::from_y(1.0),
            hours: 8760,
            price_year: 2025,
            seed: 7,
            folder: "test".into(),
        },
        inputs: vec![],
        assumptions: vec![],
        series: vec![],
        nations: vec![Nation { entity: entity("north", 1), groups: vec![], hub: None, utc_offset: Duration::ZERO, backbone: false }],
        buses: vec![bus],
        lines: vec![],
        generators: vec![],
        storages: vec![],
        loads: vec![],
        sites: vec![],
        accelerators: vec![card("card", 30_000.0)],
        fleets: vec![],
        links: vec![],
        facilities: vec![],
        datasets: vec![],
        services: vec![],
        campaigns: vec![],
        hazards: vec![],
        munitions: vec![],
        defences: vec![],
        repair_pools: vec![],
        failures: vec![],
        maintenances: vec![],
        power_caps: vec![],
        evacuations: vec![],
        spikes: vec![],
        segments: vec![],
        segment_graph: bastide_model::model::SegmentGraph::default(),
        policy: Policy {
            failover: Failover::Planned,
            failover_time: Duration::ZERO,
            preempt_training: true,
            value_of_lost_load: EnergyPrice::from_eur_per_mwh(1000.0),
            headroom: 1.0,
            grid: bastide_model::model::GridPolicy::default(),
        },
        planning: Planning {
            span: span(90),
            budget_span: span(91),
            it_power_span: span(92),
            ranking: bastide_model::model::Ranking::cost(&span(90)),
            budget: Money::from_meur(1000.0),
            it_power: Power::from_mw(100.0),
            candidates: vec![],
            accelerators: vec![(AcceleratorId(0), None)],
            survive_site_loss: vec![],
            min_service: [None; 4],
            uncertainty: Uncertainty::default(),
            verification: None,
            sites: (0, u32::MAX),
            discount_rate: 0.05,
            serving_cost: None,
            survive_link_loss: false,
            building_lifetime: Duration::from_y(20.0),
            lead_time: Duration::ZERO,
            gap: 0.0,
            time_limit: Duration::from_s(60.0),
        },
        investments: vec![],
        alternatives: vec![],
        laws: vec![],
        legal_service: vec![],
        legal_campaign: vec![],
        legal_dataset: vec![],
        token_rate: vec![],
        replicas: vec![],
        training_rate: vec![],
        cases: Vec::new(),
        report: ReportSettings::default(),
    }
}

pub fn card(name: &str, price: f64) -> Accelerator {
    Accelerator {
        entity: entity(name, 5),
        peak: ComputeRate::from_tflop_per_s(1000.0),
        memory: DataSize::from_gb(80.0),
        memory_bandwidth: Bandwidth::from_gb_per_s(3000.0),
        power: Power::from_kw(1.0),
        idle_share: 1.0,
        price: Money::from_eur(price),
        per_node: 8,
        nodes_per_rack: None,
        node_reliability: Reliability { failure_rate: Rate::ZERO, repair: Distribution::Fixed(86_400.0) },
        lifetime: Duration::from_y(5.0),
        vendor: "example".into(),
        vendor_nation: "north".into(),
    }
}

pub fn always() -> Legality {
    Legality { from: Time::ZERO, until: Time::NEVER, forbidden_by: None }
}

pub fn never(line: u32) -> Legality {
    Legality { from: Time::NEVER, until: Time::ZERO, forbidden_by: Some(("home".into(), span(line))) }
}

/// Adds a candidate of 10 MW of IT power behind 12.5 MW at PUE 1.25; 10 M EUR/MW.
pub fn add_site(model: &mut Model, name: &str) -> SiteId {
    let id = SiteId::from_index(model.sites.len());
    model.sites.push(Site {
        entity: entity(name, 10 + id.0),
        bus: BusId(0),
        nation: NationId(0),
        tier: SiteTier::Regional,
        place: None,
        existing: false,
        connection: Power::from_mw(12.5),
        interruptible: false,
        pue: 1.25,
        pue_rise_per_degree: 0.0,
        free_cooling: Temperature::from_celsius(18.0),
        temperature: None,
        cooling_limit: Temperature::from_celsius(40.0),
        cooling_loss_per_degree: 0.05,
        wue: WaterIntensity::ZERO,
        ups: Duration::ZERO,
        generator_start: 0.0,
        fuel: Duration::ZERO,
        refuel: Distribution::Fixed(0.0),
        restart: Distribution::Fixed(0.0),
        supply: bastide_model::model::SiteSupply::default(),
        reliability: None,
        hardening: Hardening::None,
        operator: "state".into(),
        operator_nation: NationId(0),
        certifications: vec![],
        firmware: None,
        segment: SegmentId(0),
        land: Area::ZERO,
        fixed_cost: Money::ZERO,
        building_cost: CapacityCost::from_meur_per_mw(10.0),
        connection_cost: CapacityCost::ZERO,
        fixed_upkeep: MoneyRate::ZERO,
        upkeep: CapacityRate::ZERO,
        max_it_power: Power::from_mw(10.0),
        lead_time: Duration::ZERO,
        max_accelerators: None,
        racks_per_hall: None,
        repair_crews: None,
        spares: None,
    });
    model.planning.candidates.push(id);
    for rows in [&mut model.legal_service, &mut model.legal_campaign, &mut model.legal_dataset] {
        rows.iter_mut().for_each(|row| row.push(always()));
    }
    id
}

/// Adds a service that needs `accelerators` of the first type, 1,000 tokens/s each, worth 5 EUR per million tokens.
pub fn add_service(model: &mut Model, name: &str, tier: Tier, accelerators: f64) -> ServiceId {
    let id = ServiceId::from_index(model.services.len());
    model.services.push(Service {
        entity: entity(name, 40 + id.0),
        nation: NationId(0),
        tier,
        model: "model".into(),
        demand: TokenRate::from_tokens_per_s(1000.0 * accelerators),
        profile: Profile::Constant(1.0),
        origins: vec![(NationId(0), 1.0)],
        max_latency: Duration::from_s(1.0),
        bytes_per_token: None,
        dataset: None,
        value: TokenPrice::from_eur_per_mtokens(5.0),
        security_overhead: 0.0,
        users: None,
        critical: Critical::default(),
        shape: bastide_model::model::DemandShape::default(),
        operation: bastide_model::model::Operation::default(),
    });
    model.legal_service.push(vec![always(); model.sites.len()]);
    model.token_rate.push(vec![TokenRate::from_tokens_per_s(1000.0); model.accelerators.len()]);
    id
}

/// Adds a campaign of 16 accelerators for 100 days at 400 TFLOP/s each, worth 10 M EUR, due on day 200.
pub fn add_campaign(model: &mut Model, name: &str) -> CampaignId {
    let id = CampaignId::from_index(model.campaigns.len());
    model.campaigns.push(Campaign {
        entity: entity(name, 60 + id.0),
        nation: NationId(0),
        tier: Tier::T3,
        compute: Compute::from_flop(16.0 * 4e14 * 8.64e6),
        accelerators: 16,
        mode: CampaignMode::Synchronous,
        utilisation: 0.4,
        start: Time::ZERO,
        deadline: Time::from_hours(200 * 24),
        checkpoints: Checkpoints::blocking(Duration::from_h(1.0), Duration::ZERO),
        detection: Duration::ZERO,
        restart: Distribution::Fixed(Duration::ZERO.as_s()),
        relocate_after: None,
        planned_stops: Rate::ZERO,
        dataset: None,
        cost_of_delay: MoneyRate::from_eur_per_d(10_000.0),
        value: Money::from_meur(10.0),
    });
    model.legal_campaign.push(vec![always(); model.sites.len()]);
    model.training_rate.push(vec![ComputeRate::from_tflop_per_s(400.0); model.accelerators.len()]);
    id
}

/// Adds a dataset with two copies.
pub fn add_dataset(model: &mut Model, name: &str) -> DatasetId {
    let id = DatasetId::from_index(model.datasets.len());
    model.datasets.push(Dataset {
        entity: entity(name, 70 + id.0),
        nation: NationId(0),
        size: DataSize::from_tb(1.0),
        class: None,
        value: Money::from_eur(1.0),
        replicas: 2,
        replication_interval: Duration::from_h(1.0),
        max_staleness: None,
        backup_interval: None,
    });
    model.legal_dataset.push(vec![always(); model.sites.len()]);
    id
}

/// An alternative without restrictions.
pub fn alternative(name: &str) -> Alternative {
    Alternative {
        entity: entity(name, 95),
        plan: None,
        sites: None,
        count: None,
        required: vec![],
        tier_share: vec![],
        max_site_share: None,
        survive_site_loss: None,
        supply: bastide_model::model::Supply::default(),
    }
}

/// Adds an investment at a site that does nothing yet.
pub fn add_investment(model: &mut Model, name: &str, site: SiteId, cost: f64) -> InvestmentId {
    let id = InvestmentId::from_index(model.investments.len());
    model.investments.push(Investment {
        entity: entity(name, 80 + id.0),
        site: Some(site),
        most: 1,
        cost: Money::from_eur(cost),
        lifetime: None,
        upkeep: MoneyRate::ZERO,
        requires: vec![],
        excludes: vec![],
        effect: Improvement::default(),
    });
    id
}
