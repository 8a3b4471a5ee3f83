//! Every diagnostic code, explained. A code is never reused.
//!
//! Longer than other files: it is one table.

/// One code.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// `F0206`.
    pub code: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// What it means and what to do.
    pub explanation: &'static str,
    /// What causes it.
    pub example: &'static str,
}

const fn code(code: &'static str, title: &'static str, explanation: &'static str, example: &'static str) -> Code {
    Code { code, title, explanation, example }
}

/// The code of this name.
#[must_use]
pub fn explain(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.code.eq_ignore_ascii_case(name))
}

/// All codes, in order.
#[must_use]
pub const fn all() -> &'static [Code] {
    CODES
}

/// F10 imported files, F11 clusters; of a scenario: F01 files and syntax, F02 keys and values, F03 names, F04 series, F05 physics, F06 rules and placement, F07 plan and
/// alternatives, F08 hazards, F09 plan files.
static CODES: &[Code] = &[
    code(
        "F0101",
        "a file cannot be read",
        "The path does not exist, is a folder or a device, or may not be read. Paths in a file are relative to that file; paths on the command line to the current folder.",
        "extends = \"../no-such-file.toml\"",
    ),
    code(
        "F0102",
        "a folder without `scenario.toml`",
        "A scenario is a folder that holds `scenario.toml`, or a `.toml` file given by its own path. `bastide new NAME` starts one.",
        "bastide validate empty-folder",
    ),
    code(
        "F0103",
        "not UTF-8",
        "Scenario and series files are UTF-8. The place is the first byte that is not. Save the file again as UTF-8; Latin-1 and Windows code pages are not guessed.",
        "title = \"Rīga\" saved as Windows-1257",
    ),
    code(
        "F0104",
        "UTF-16",
        "The file begins with the mark of UTF-16, as some editors and PowerShell write it. Save it as UTF-8.",
        "a file that begins with the bytes FF FE",
    ),
    code(
        "F0105",
        "the file is too large",
        "TOML files are read up to 16 MB, CSV files up to 64 MB. A year of hours with a hundred columns has less than 10 MB.",
        "a scenario.toml of 100 MB",
    ),
    code(
        "F0106",
        "a line is too long",
        "No line may be longer than 1 MB. Write long lists over several lines, and long series as CSV.",
        "a list of a million words on one line",
    ),
    code(
        "F0107",
        "a NUL byte",
        "The file holds a zero byte, so it is not text: it is another kind of file, or was cut off when it was written.",
        "a file restored from a full disk",
    ),
    code("F0108", "nested too deep", "Lists and tables are read to a depth of 80. No scenario needs more than four.", "x = [[[[...]]]]"),
    code(
        "F0109",
        "not TOML",
        "The text breaks the syntax of TOML 1.0. Reading goes on behind the mistake, so later lines are checked too; what follows only from this mistake is not reported.",
        "connection = 40 MW",
    ),
    code("F0110", "a key is written twice", "A table holds each key once. The second is marked.", "pue = 1.2\npue = 1.3"),
    code(
        "F0111",
        "`extends` in a circle",
        "A file extends another one, which in the end extends the first, or more than 32 files form a chain.",
        "extends = \"scenario.toml\" in scenario.toml",
    ),
    code(
        "F0112",
        "`--set` with an unreadable value",
        "The value after `=` begins like a TOML string, list or table and is none. Quotes may be left out around a quantity.",
        "--set 'plan.accelerators=[\"b200\"'",
    ),
    code(
        "F0113",
        "`--set` with an unknown path",
        "The path is `table.name.key` for an entry of a list such as `site.riga.connection`, `table.key` otherwise such as `plan.budget`. The entry must stand in the scenario.",
        "--set site.rigga.pue=1.1",
    ),
    code(
        "F0114",
        "too many mistakes",
        "Only the first 2,000 mistakes are listed; so many usually mean that the file is not a scenario, or that one mistake repeats.",
        "a log file in place of scenario.toml",
    ),
    code(
        "F0201",
        "unknown table",
        "The scenario format has no table of this name. Unknown words are errors, so that a slip is never silently ignored.",
        "[[sites]]",
    ),
    code(
        "F0202",
        "unknown key",
        "The table has no key of this name, or not for its `kind`. `bastide explain TABLE` lists the keys.",
        "conection = \"40 MW\"",
    ),
    code(
        "F0203",
        "a key is missing",
        "The table needs this key; nothing is assumed in its place. The place is the table's heading.",
        "a [[site]] without `connection`",
    ),
    code(
        "F0204",
        "a value of the wrong form",
        "A text where a list is wanted, a number where a text is wanted, `[x]` where `[[x]]` is wanted, and the like.",
        "groups = \"eu\"",
    ),
    code(
        "F0205",
        "a number without a unit",
        "Quantities are texts with their unit, so that a megawatt is never taken for a kilowatt. Only ratios, counts, years, seeds and degrees stand bare.",
        "connection = 40",
    ),
    code(
        "F0206",
        "an unknown unit",
        "The unit does not belong to this kind of quantity; the hint lists those that do. Letter case matters: `MW` is not `mW`.",
        "connection = \"40 MWh\"",
    ),
    code(
        "F0207",
        "not a number",
        "There is no number, or it is not finite, or it is larger than a 64-bit number can be.",
        "connection = \"nan MW\"",
    ),
    code(
        "F0208",
        "a value out of range",
        "A negative or zero value where that has no meaning, or a number beyond what can be simulated.",
        "connection = \"-40 MW\"",
    ),
    code(
        "F0209",
        "a ratio out of range",
        "Shares and probabilities lie between 0 and 1 (0 % and 100 %); a PUE is at least 1.",
        "efficiency = 1.4",
    ),
    code("F0210", "not one of the words", "The key takes one of a few words; the hint lists them.", "tier = \"T5\""),
    code(
        "F0211",
        "not a name",
        "Names are lower-case letters, digits and hyphens, start with a letter and have at most 64 characters. Words for people go into `title`.",
        "name = \"Rīga 2\"",
    ),
    code(
        "F0212",
        "not a date",
        "A date is a TOML date or date-time with an offset, without quotes. A time without an offset is no moment.",
        "start = \"2027-01-01\"",
    ),
    code(
        "F0213",
        "not a distribution",
        "The word after `dist` is unknown, a parameter is missing, or the parameters contradict each other.",
        "{ dist = \"lognormal\", median = \"21 d\", p95 = \"7 d\" }",
    ),
    code(
        "F0214",
        "keys that exclude each other",
        "Two keys say the same thing in different words. Keep one.",
        "mttf = \"100 d\" and failure_rate = \"1 / y\"",
    ),
    code(
        "F0215",
        "a key that needs another",
        "Latitude needs longitude, a failure needs a repair, a service needs `model` or `tokens_per_accelerator`.",
        "latitude = 56.9 alone",
    ),
    code(
        "F0216",
        "a table is missing",
        "Every scenario has `[scenario]`, `[plan]`, and at least one `[[nation]]`, `[[bus]]` and `[[site]]`.",
        "a file without [plan]",
    ),
    code("F0217", "an empty list or text", "Something must be named here. Where all are meant, leave the key out.", "candidates = []"),
    code("F0219", "an unknown format version", "This program reads format 1.", "format = 2"),
    code(
        "F0220",
        "shares that do not sum to 1",
        "The shares of demand by origin cover all of it.",
        "origins = { latvia = 0.5, estonia = 0.4 }",
    ),
    code("F0221", "times in the wrong order", "An interval ends before it begins.", "from = 2027-06-01, until = 2027-05-01"),
    code(
        "F0222",
        "a date outside the scenario",
        "Dates lie between the scenario's start and its end; the start is a full hour.",
        "deadline = 2031-01-01 in a scenario of one year",
    ),
    code(
        "F0301",
        "an unknown name",
        "Something is named that the scenario does not define. The hint gives the nearest name that it does.",
        "bus = \"lativa\"",
    ),
    code(
        "F0302",
        "a name defined twice",
        "Names are unique within their table; the first one is marked too.",
        "two [[site]] with name = \"riga\"",
    ),
    code(
        "F0303",
        "listed twice",
        "A list names the same thing twice, directly or through a wildcard.",
        "candidates = [\"riga\", \"riga\"]",
    ),
    code("F0304", "from a place to itself", "A line or link needs two different ends.", "from = \"latvia\", to = \"latvia\""),
    code("F0305", "a target of the wrong kind", "A cable cut hits links only.", "kind = \"cable-cut\", targets = [\"site.riga\"]"),
    code("F0306", "a wildcard that matches nothing", "`line.*` names all lines, and there is none.", "targets = [\"line.*\"]"),
    code(
        "F0307",
        "not a target",
        "Targets are `site.NAME`, `line.NAME`, `generator.NAME`, `link.NAME`, or with `*` for all; ends of links are `nation.NAME` or `site.NAME`.",
        "targets = [\"riga\"]",
    ),
    code(
        "F0308",
        "an unknown nation or group",
        "Residency and rules name nations or groups; a group is known if a nation lists it in `groups`.",
        "residency = [\"eea\"]",
    ),
    code(
        "F0309",
        "an unknown model",
        "The library has no model of this name. Give `tokens_per_accelerator` for one that it does not know.",
        "model = \"lama-70b\"",
    ),
    code(
        "F0310",
        "a group named like a nation",
        "Lists of nations may name nations and groups, so that no group may have the name of a nation.",
        "groups = [\"latvia\"] where a [[nation]] is `latvia`",
    ),
    code(
        "F0311",
        "a class that nothing has",
        "A rule names a class of data that no service, campaign or dataset has, so that it may not apply to what it is meant for. A warning.",
        "classes = [\"secrte\"] where a dataset has class = \"secret\"",
    ),
    code(
        "F0401",
        "a series file is missing",
        "The CSV file is not where the scenario says; the path is relative to the file that says it.",
        "series = \"demand.cvs\"",
    ),
    code(
        "F0403",
        "a column is missing",
        "The CSV file has no column of this name. The unit in brackets is not part of the name.",
        "column = \"lv\" where the header has `time,pl [GW]`",
    ),
    code("F0404", "a column without a unit", "Every column but `time` says its unit in brackets; a ratio has the unit 1.", "time,pl"),
    code(
        "F0405",
        "a column with the wrong unit",
        "The unit does not belong to the quantity that the scenario wants here.",
        "time,pl [GWh] for a power",
    ),
    code(
        "F0406",
        "a cell that is not a number",
        "Cells hold digits with a decimal point, without units and without thousands separators.",
        "12 GW",
    ),
    code("F0407", "a cell that is not finite", "NaN and infinity are refused: nothing is filled in or interpolated.", "NaN"),
    code("F0408", "an empty cell", "Nothing is filled in or interpolated.", "2027-01-01T05:00:00Z,,12.1"),
    code("F0409", "a series is too short", "The series ends before the scenario does, or has no rows.", "8,000 rows for a year"),
    code(
        "F0410",
        "a gap in a series",
        "An hour is missing. Nothing is interpolated: fill it with the value that you mean.",
        "03:00 follows 01:00",
    ),
    code(
        "F0411",
        "an hour stands twice",
        "Times are in UTC, where no hour is repeated; local time repeats one in autumn.",
        "two rows of 2027-10-31T01:00:00Z",
    ),
    code("F0412", "a series that is not hourly", "Each row is one hour after the row before.", "01:00, 01:15, 01:30"),
    code(
        "F0413",
        "a series begins too late",
        "The series must cover the scenario from its start.",
        "a series from February for a scenario from January",
    ),
    code(
        "F0414",
        "rows of different length",
        "Every row has as many fields as the header. A decimal comma makes two fields of one.",
        "2027-01-01T00:00:00Z,1,2 under time,pl [GW]",
    ),
    code("F0415", "no `time` column", "The first line is the header, and its first column is `time`.", "date,pl [GW]"),
    code("F0416", "not a time", "Times are RFC 3339 in UTC.", "01.01.2027 00:00"),
    code("F0418", "a column stands twice", "Column names are unique in a file.", "time,pl [GW],pl [GW]"),
    code(
        "F0501",
        "a site above its connection",
        "The site's IT power times its PUE is more than its grid connection carries.",
        "connection = \"40 MW\", max_it_power = \"40 MW\", pue = 1.2",
    ),
    code(
        "F0502",
        "an islanded load",
        "No generator is connected to this load or site, directly or over lines, so it is never fed.",
        "a [[load]] at a bus without generator or line",
    ),
    code(
        "F0503",
        "an island that is always short",
        "In every hour the loads of this island exceed all its generation. Usually a unit is wrong. A warning.",
        "power = \"20 GW\" fed by \"20 MW\"",
    ),
    code(
        "F0504",
        "degrees out of range",
        "Latitudes lie between -90 and 90, longitudes and phase shifts between -180 and 180.",
        "latitude = 569",
    ),
    code(
        "F0505",
        "restoration goes back",
        "The steps of a restoration rise in time and in share, and the last one restores all.",
        "restored 0.5 after 2 d, 0.4 after 3 d",
    ),
    code(
        "F0506",
        "checkpoints that take all the time",
        "Writing a checkpoint takes as long as the work between two, so training would not move.",
        "checkpoint_interval = \"5 min\", checkpoint_time = \"6 min\"",
    ),
    code(
        "F0507",
        "a storage that trades at a loss",
        "It would buy at a price at or above the one at which it sells.",
        "buy_below = \"60 EUR/MWh\", sell_above = \"50 EUR/MWh\"",
    ),
    code(
        "F0508",
        "a series out of range",
        "Demand and factors are not negative. The place is the first such cell.",
        "-12.0 in a demand column",
    ),
    code(
        "F0509",
        "an availability above 1",
        "Availabilities lie between 0 and 1. The place is the first cell that does not.",
        "1.2 in a wind column",
    ),
    code(
        "F0510",
        "a fleet at a site that is not there",
        "Fleets exist before the plan; their site must be `existing = true`.",
        "a [[fleet]] at a candidate site",
    ),
    code(
        "F0511",
        "cooling limits in the wrong order",
        "Cooling capacity falls only above the temperature up to which cooling is free.",
        "free_cooling = \"30 degC\", cooling_limit = \"20 degC\"",
    ),
    code(
        "F0512",
        "generators without fuel",
        "The site says that its generators start, and that they have no fuel.",
        "generator_start = 0.98 without `fuel`",
    ),
    code("F0513", "no whole number of nodes", "Accelerators come, fail and are bought in nodes.", "count = 12 where a node has 8"),
    code(
        "F0514",
        "a T0 service worth nothing",
        "Tier T0 is shed last, yet a token of this service has no value, so no plan would serve it.",
        "tier = \"T0\", value = \"0 EUR/M tokens\"",
    ),
    code(
        "F0515",
        "nothing to plan for",
        "There is neither a service nor a campaign. A warning.",
        "a scenario without [[service]] and [[campaign]]",
    ),
    code(
        "F0516",
        "a fleet above its site",
        "The accelerators that stand at the site draw more than its connection carries.",
        "count = 80000 at a connection of 1 MW",
    ),
    code(
        "F0517",
        "a line without reactance",
        "The flow of an AC line is the difference of the voltage angles at its ends over its reactance, so that the reactance cannot be zero; it may be negative (a series capacitor). A line whose flow is controlled has no key `reactance`.",
        "reactance = 0",
    ),
    code(
        "F0518",
        "an AC line with two capacities",
        "What a line that obeys Kirchhoff's laws can carry is the same in both directions. Two capacities belong to corridors between zones and to DC lines, which have no `reactance`.",
        "reactance = 0.02, capacity = \"500 MW\", reverse_capacity = \"400 MW\"",
    ),
    code(
        "F0519",
        "an interruptible load that is shed late",
        "Loads are shed in the order of `value_of_lost_load`. This one has agreed to yield first, yet is worth more than one that has not. A warning.",
        "interruptible = true, value_of_lost_load = \"9000 EUR/MWh\" beside a load of 8000 EUR/MWh",
    ),
    code(
        "F0540",
        "a shape of demand that is none",
        "`daily` has a weight for each of 24 hours, `weekly` for each of 7 days; they are scaled to a mean of one, so that at least one is above zero.",
        "weekly = [1, 1, 1, 1, 1]",
    ),
    code(
        "F0541",
        "a local time that no place has",
        "Local time is between 12 hours behind UTC and 14 hours ahead of it.",
        "utc_offset = \"200 h\"",
    ),
    code(
        "F0542",
        "more replicas at least than at most",
        "A site cannot hold `min_replicas` of a service while `max_replicas` forbids them.",
        "min_replicas = 4, max_replicas = 2",
    ),
    code(
        "F0543",
        "batch work that may not wait",
        "A service with `defer` runs on what nobody else uses. It has no replicas of its own to scale, and no latency to keep.",
        "defer = \"24 h\", scale_target = \"70 %\"",
    ),
    code(
        "F0544",
        "a latency target that no load meets",
        "Even a replica with one request at a time takes longer on every type of accelerator. Requests are slower than the target, or the target leaves no time to compute.",
        "latency_target = \"5 ms\" for answers of a second",
    ),
    code(
        "F0545",
        "a spike that concerns no service",
        "The scenario has no service in both lists, or none with demand from these origins. A warning.",
        "tiers = [\"T0\"] where no service is of tier T0",
    ),
    code(
        "F0546",
        "services that need each other",
        "A service is served at most in the share in which those that it needs are. In a circle no share is the first, and batch work has none that others can rely on.",
        "needs = [\"b\"] in service `a`, needs = [\"a\"] in service `b`",
    ),
    code(
        "F0601",
        "a model too large for every type",
        "The model fits no node of any type that may be bought or stands.",
        "a model of 700 GB on nodes of 640 GB",
    ),
    code(
        "F0602",
        "rules that leave a service no site",
        "Residency, certification and rules together forbid every site at all times. Each that forbids is marked.",
        "residency = [\"latvia\"] with sites in Estonia only",
    ),
    code(
        "F0603",
        "a service too far from every site",
        "No legal site is within `max_latency` of all origins over the links that the scenario has.",
        "max_latency = \"1 ms\" over a link of 5 ms",
    ),
    code("F0604", "rules that leave a campaign no site", "As F0602, for a campaign.", "certification = [\"secret\"] that no site holds"),
    code("F0605", "rules that leave a dataset no site", "As F0602, for a dataset.", "a rule of kind `forbid` that lists all sites"),
    code("F0606", "more copies than sites", "Each copy of a dataset stands at another legal site.", "replicas = 3 with two sites"),
    code(
        "F0607",
        "rules that contradict each other",
        "Two demands of residency apply to the same thing at the same time and share no nation.",
        "allow = [\"latvia\"] and allow = [\"estonia\"]",
    ),
    code(
        "F0608",
        "survival without a second site",
        "A tier can survive the loss of a site only if there is another.",
        "survive_site_loss = [\"T0\"], max_sites = 1",
    ),
    code(
        "F0609",
        "a rule that applies to nothing",
        "No service, campaign or dataset matches all lists of `applies_to`. A warning.",
        "applies_to = { tiers = [\"T0\"] } without anything of tier T0",
    ),
    code(
        "F0610",
        "a gang larger than every site",
        "The campaign's accelerators draw more IT power than any legal site has room for.",
        "accelerators = 100000 with sites of 20 MW",
    ),
    code(
        "F0611",
        "a service that must survive with one site",
        "Its tier must survive the loss of any site, and only one site may run it.",
        "survive_site_loss = [\"T0\"] and residency with one site",
    ),
    code(
        "F0701",
        "the name `recommended` is taken",
        "The unrestricted plan has this name; an alternative needs another.",
        "[[alternative]] name = \"recommended\"",
    ),
    code(
        "F0702",
        "impossible numbers of sites",
        "`min_sites` is above `max_sites`, above the number of candidates, or more sites are required than allowed.",
        "min_sites = 3, max_sites = 2",
    ),
    code("F0703", "nothing may be bought", "The plan lists no accelerator.", "accelerators = []"),
    code("F0704", "a cap of zero", "Leave a type that may not be bought out of the list.", "{ name = \"b200\", cap = 0 }"),
    code(
        "F0705",
        "no power for one node",
        "`it_power` is less than the smallest node draws; usually a unit is wrong.",
        "it_power = \"16 W\"",
    ),
    code(
        "F0706",
        "the same alternative twice",
        "Two alternatives restrict the same, or one restricts nothing and so is the recommended plan. A warning.",
        "two [[alternative]] with max_sites = 1 only",
    ),
    code(
        "F0707",
        "a plan file and restrictions",
        "An alternative either names a plan file or restricts the search.",
        "plan = \"p.toml\" and max_sites = 1",
    ),
    code(
        "F0709",
        "a required site that is left out",
        "`required` names a site that `sites` does not.",
        "sites = [\"riga\"], required = [\"tartu\"]",
    ),
    code(
        "F0710",
        "a site that is no candidate",
        "Alternatives choose among the `candidates` of `[plan]`.",
        "sites = [\"tartu\"] where candidates = [\"riga\"]",
    ),
    code(
        "F0711",
        "impossible shares of tiers",
        "The least shares of IT power sum to more than 1, or a tier has no site.",
        "tier_share = { core = 0.7, edge = 0.6 }",
    ),
    code(
        "F0790",
        "conflicting constraints",
        "No plan satisfies all that the scenario asks for together. The places marked are a smallest set of wishes that exclude each other: without any one of them the others can be met. Relax one, or give the plan more to work with.",
        "budget = \"1 M EUR\" with min_service = { T0 = 1 } that costs more",
    ),
    code(
        "F0801",
        "a hazard outside the scenario",
        "It lies before the start or after the end, so it would never happen.",
        "at = 2026-01-01 in a scenario of 2027",
    ),
    code(
        "F0802",
        "a hazard without one timing",
        "A hazard happens `at` one moment, or at a `rate` that `from` and `until` may bound.",
        "neither `at` nor `rate`",
    ),
    code(
        "F0803",
        "hardening that harms",
        "The probability of damage may not rise with hardening.",
        "damage = { none = 0.5, bunker = 0.9 }",
    ),
    code(
        "F0811",
        "factors that go back",
        "Factors by age begin at age 0, those by job size at one accelerator or more, and each begins above the one before it.",
        "by_age = [[\"90 d\", 1], [\"0 d\", 3]]",
    ),
    code(
        "F0812",
        "racks or halls of no size",
        "A failure of racks needs `nodes_per_rack` of every type that it concerns, one of halls also `racks_per_hall` of every site.",
        "domain = \"rack\" for a type without `nodes_per_rack`",
    ),
    code(
        "F0813",
        "maintenance that never ends",
        "One round takes the nodes out share by share. It must be through before the next round begins.",
        "every = \"7 d\", duration = \"1 d\", share = \"10 %\"",
    ),
    code(
        "F0814",
        "no time of day",
        "The daily hours of a power cap are times since midnight in UTC, two different ones.",
        "daily_from = \"30 h\"",
    ),
    code(
        "F0815",
        "more events than a history can hold",
        "Failures that come each minute, or a hundred million of them, and spikes by the thousand at a time are slips of a unit. The bounds keep a simulation from going on for ever.",
        "rate = \"1e12 / node d\"",
    ),
    code(
        "F0840",
        "two pools for one target",
        "Each target belongs to at most one `[[repair_pool]]`: two pools would both repair it.",
        "for = [\"line.*\"] in two pools",
    ),
    code(
        "F0841",
        "a defence without an area",
        "A defence has `targets`, or a centre with a `radius`, or both.",
        "latitude = 50.4, longitude = 30.5 without `radius`",
    ),
    code(
        "F0842",
        "a defence of nothing",
        "No site, bus or generator at a known place stands within the `radius` of this defence.",
        "latitude = 5.4 where 50.4 was meant",
    ),
    code(
        "F0843",
        "a munition without a warhead",
        "Where damage follows distance, each munition needs a `warhead`.",
        "fragility = [...] with munitions = 30",
    ),
    code("F0844", "a list that is not given", "`aim = \"list\"` goes by `sequence`.", "aim = \"list\" without `sequence`"),
    code(
        "F0845",
        "impossible states of damage",
        "The probabilities of the states sum to 1 at most, and worse damage reaches no farther than lighter damage.",
        "light = 0.6, heavy = 0.6",
    ),
    code(
        "F0846",
        "more munitions than can be simulated",
        "A salvo has a million munitions at most, a history a hundred million, on average.",
        "munitions = 4000000000",
    ),
    code(
        "F0847",
        "two ways to say what a hit does",
        "A strike campaign has one of `damage`, `states` and `fragility`; `effects` goes with the latter two.",
        "damage = { none = 0.9 } beside states = [...]",
    ),
    code(
        "F0830",
        "a key of another mode",
        "Some keys of a campaign belong to one `mode` or `checkpoint_mode` only; elsewhere they would mean nothing.",
        "mode = \"synchronous\", islands = 4",
    ),
    code(
        "F0831",
        "an interval with nothing to weigh",
        "`young` and `daly` weigh the time that writing a checkpoint takes from training against the work that a failure loses. Without such a time they have nothing to weigh.",
        "checkpoint_interval = \"daly\", checkpoint_time = \"0 s\"",
    ),
    code(
        "F0832",
        "sizes of a gang that do not fit together",
        "An elastic gang cannot be smaller than its least size; islands are all of the same size.",
        "accelerators = 1000, islands = 3",
    ),
    code(
        "F0833",
        "islands that the plan does not place",
        "A plan runs all islands of a campaign, or none of them.",
        "islands = 2 in a plan for a campaign of 3",
    ),
    code(
        "F0860",
        "a facility that stands nowhere, or twice",
        "A facility stands at the hub of a `nation` or in a `site`: exactly one of the two keys.",
        "neither `nation` nor `site`",
    ),
    code(
        "F0861",
        "a group of different things",
        "Any one facility of a group is enough for what needs them, so all of a group must be of one kind.",
        "group = \"control\" of a control plane and of a licence server",
    ),
    code(
        "F0862",
        "states of a link that make no chain",
        "Links pass through two states or more, each with a name of its own, a `stay` where it ends by itself, and a `period` where it is up and down by turns.",
        "states = [{ name = \"normal\" }]",
    ),
    code(
        "F0863",
        "states that follow one another wrongly",
        "What follows a state is another state of the same list, and the probabilities of all that may follow sum to 1.",
        "next = { degraded = 0.5, off = 0.4 }",
    ),
    code("F0864", "ducts said twice", "A link lies in one `duct`, or in several `ducts`.", "duct = \"a\", ducts = [\"a\", \"b\"]"),
    code(
        "F0865",
        "copies that are always too old",
        "Copies are as old as the last synchronisation. With a `max_staleness` below the time between two, they would be unreadable most of the time.",
        "replication_interval = \"6 h\", max_staleness = \"1 h\"",
    ),
    code(
        "F0880",
        "an operator that runs no site",
        "The word is compared with `operator` of every site.",
        "operators = [\"cloud-inc\"] where the sites say `operator = \"cloud inc\"`",
    ),
    code(
        "F0881",
        "a vendor of no accelerator",
        "The word is compared with `vendor` or `vendor_nation` of every accelerator type, of the library and of the scenario.",
        "vendors = [\"nvdia\"]",
    ),
    code("F0882", "a model that no service uses", "The word is compared with `model` of every service.", "models = [\"llama-3.1-70\"]"),
    code(
        "F0883",
        "an exit from a group that the nation is not in",
        "Only a member can leave.",
        "kind = \"member-exit\", nation = \"poland\", group = \"baltic\"",
    ),
    code(
        "F0884",
        "a hazard that changes nothing",
        "A price shock needs a factor other than one, a sanction somebody whom it concerns, a change of a model a service and what changes for it.",
        "kind = \"price-shock\" without `energy_price` and `accelerator_price`",
    ),
    code(
        "F0890",
        "a failover that contradicts itself",
        "Places that serve all the time have no gap, and only a cold stand-by fetches weights.",
        "failover = \"active-active\", failover_time = \"5 min\"",
    ),
    code(
        "F0891",
        "an evacuation without one beginning",
        "The order is given `at` one moment, or a `warning` ahead of the first event of a `hazard`.",
        "neither `at` nor `hazard`",
    ),
    code(
        "F0892",
        "an evacuation that leads nowhere",
        "Data cannot go to a site that it leaves, and an evacuation needs data.",
        "from = [\"kyiv\"], to = [\"kyiv\"]",
    ),
    code(
        "F0893",
        "an evacuation of a class that no dataset has",
        "`classes` chooses among the datasets by their `class`.",
        "classes = [\"registries\"] where datasets have class \"registry\"",
    ),
    code(
        "F0894",
        "roads that are closed without end",
        "A closure has a beginning and, after it, an end.",
        "closed_from = 2027-03-05 without `closed_until`",
    ),
    code(
        "F0895",
        "power cuts longer than a day",
        "`power_cuts` are the hours of each day without power, below 24 h.",
        "power_cuts = \"30 h\"",
    ),
    code(
        "F0896",
        "an evacuation that the law forbids",
        "Residency and rules let none of its data be at any of its `to` sites before the scenario ends. Nothing would ever leave.",
        "data with residency = [\"ukraine\"] and to = [\"warsaw\"]",
    ),
    code(
        "F0980",
        "an investment that changes nothing, or has no site to change",
        "An `[[investment]]` adds something to its `site`, or speeds services up.",
        "connection = \"20 MW\" without `site`",
    ),
    code(
        "F0981",
        "an investment bought often that changes once",
        "A value such as `pue` or `ups` replaces the site's: buying it a second time would do nothing.",
        "pue = 1.1 with most = 3",
    ),
    code(
        "F0982",
        "half of an investment's effect",
        "`accelerator` and `count` belong together, and so do `speedup` and `services`.",
        "accelerator = \"h100\" without `count`",
    ),
    code(
        "F0983",
        "an investment that rules itself out",
        "`requires` and `excludes` name other investments, and none of them both ways.",
        "requires = [\"feeder\"] in the investment `feeder`",
    ),
    code(
        "F0984",
        "an investment that improves nothing",
        "What an investment sets must be better than what is there.",
        "pue = 1.3 at a site with a PUE of 1.2",
    ),
    code(
        "F0986",
        "a speedup that no plan can weigh",
        "Serving costs and critical demand are counted in units of demand, which a faster service needs fewer of. The two cannot be planned together.",
        "speedup = 2 of a service with critical = \"60 %\"",
    ),
    code(
        "F0985",
        "investments of a plan that cannot be bought",
        "A plan buys each investment at most `most` times, with those that it requires, and none that rule each other out.",
        "[[investment]] with count = 4 where `most` is 2",
    ),
    code(
        "F0850",
        "spread with no way in",
        "A wiper with `spread_rate` goes from segment to segment along `connects`. Nothing says where it enters: no segment of its list is `exposed`, and it has no `entry`.",
        "spread_rate = \"1 / d\" where no [[segment]] has exposed = true",
    ),
    code(
        "F0851",
        "a restoration that ends before it begins",
        "The steps of a restoration count from the detonation, and none can come before the assessment is over.",
        "assessment = \"3 d\", restoration = [{ after = \"2 d\", restored = 1 }]",
    ),
    code(
        "F0852",
        "a restoration without one model",
        "A wiper is restored either in the steps of `restoration`, or by a `team` with `work` or `site_work`.",
        "team = 50 and restoration = [...]",
    ),
    code(
        "F0853",
        "spread without one law",
        "Segments are reached either with the probability `spread`, or at `spread_rate` along the edges during the time of `dwell`.",
        "spread = 0.5 and spread_rate = \"1 / d\"",
    ),
    code(
        "F0854",
        "keys of an attack that mean nothing together",
        "`detection` comes before a detonation that `dwell` puts off; `isolation` follows a `detection`; `encrypted` belongs to `backups = \"partial\"`; `shutdown` and `shutdown_time` stand together.",
        "detection = \"30 d\" without `dwell`",
    ),
    code(
        "F0855",
        "a segment that connects to itself",
        "Whoever holds a segment need not reach it.",
        "connects = [\"core\"] in segment `core`",
    ),
    code(
        "F0856",
        "an entry out of reach",
        "The attack enters a segment that is not among those which it can reach.",
        "segments = [\"core\"], entry = [\"office\"]",
    ),
    code(
        "F0857",
        "nothing in common",
        "No site among the targets has what a common-mode exploit hits.",
        "shares = \"firmware\" where no site has `firmware`",
    ),
    code(
        "F0870",
        "all load back before the first of it",
        "`black_start` and `restored_after` both count from the blackout: the whole load cannot be back before the first of it.",
        "black_start = \"4 h\", restored_after = \"2 h\"",
    ),
    code(
        "F0871",
        "turns that nobody could take",
        "Rolling shedding switches feeders by hand or by remote control: turns last minutes at least, and a load has no more feeders than a day has minutes.",
        "shedding_block = \"5 s\"",
    ),
    code(
        "F0872",
        "a hazard that can do nothing",
        "A key or a whole hazard finds nothing to act on: no generator among the targets of `units`, no site with generators under a fuel block, no heat in a heatwave.",
        "units = \"all\" with targets = [\"site.*\"]",
    ),
    code("F0901", "not a plan file", "A plan file begins with `schema = \"bastide/plan/1\"`.", "schema = \"bastide/plan/2\""),
    code(
        "F0902",
        "sites that the scenario does not allow",
        "The plan builds at a site that is no candidate, or another number of sites than the scenario wants.",
        "a [[build]] at a site outside `candidates`",
    ),
    code(
        "F0903",
        "accelerators that cannot be had",
        "The plan buys a type that the scenario does not sell, or more than its cap.",
        "count = 800 with cap = 400",
    ),
    code(
        "F0904",
        "the same entry twice",
        "Two entries of a plan say the same thing about the same pair.",
        "two [[build]] of one site and type",
    ),
    code(
        "F0905",
        "an illegal placement",
        "Residency, certification or a rule forbids this thing at this site.",
        "a service placed abroad against its residency",
    ),
    code(
        "F0906",
        "not enough accelerators",
        "A site's accelerators do not serve the share on a mean day, or leave no headroom for peaks.",
        "share = 1 on eight accelerators that serve half",
    ),
    code(
        "F0907",
        "a site over its power",
        "What is built and stands at a site draws more than it has room for or its connection carries.",
        "count = 8000 at a connection of 1 MW",
    ),
    code("F0908", "over the budget", "The capital of the plan is above the budget.", "capital of 3 bn EUR under a budget of 2 bn EUR"),
    code("F0909", "over the IT power", "All sites together draw more than `it_power` of `[plan]`.", "18 kW under it_power = \"16 kW\""),
    code("F0910", "shares above 1", "The shares of one service sum to more than all of its demand.", "share = 0.7 at two sites"),
    code("F0911", "no whole number of nodes in a plan", "Accelerators are bought in nodes.", "count = 12 where a node has 8"),
    code(
        "F0912",
        "a campaign without its gang",
        "The site has fewer accelerators of the type than the campaign needs.",
        "accelerators = 64 at a site with 32",
    ),
    code(
        "F0913",
        "copies are missing",
        "A dataset has fewer copies in the plan than the scenario wants.",
        "replicas = 2 and one [[replica]]",
    ),
    code(
        "F0914",
        "a placement that is too far",
        "Requests from an origin reach this site too late or not at all. A warning.",
        "max_latency = \"1 ms\" and a share abroad",
    ),
    code(
        "F0970",
        "more periods than a search can handle",
        "A roadmap decides anew in every period of its horizon; it has at most 120 of them.",
        "horizon = \"20 y\" with period = \"month\"",
    ),
    code(
        "F0971",
        "a key of a roadmap without a horizon",
        "A plan is a roadmap over years if `[plan]` has a `horizon`. Without one, this has no meaning; for a whole table it is a warning.",
        "budget_by_year = [\"1 B EUR\"] without horizon = \"10 y\"",
    ),
    code(
        "F0972",
        "an order book of a type that may not be bought",
        "Only types in `accelerators` of `[plan]` are ordered.",
        "accelerator = \"h100\" in a book, accelerators = [\"b200\"]",
    ),
    code(
        "F0973",
        "an interval that is empty",
        "It ends before it begins, so that it never holds.",
        "from = 2029-01-01 and until = 2028-01-01",
    ),
    code("F0974", "an expansion that adds nothing", "A step adds connection, room for IT power, or both.", "connection = \"0 MW\""),
    code(
        "F0975",
        "a path given twice",
        "A rate and a list by year both say how something changes over the years.",
        "growth = \"40 %\" and demand_by_year = [1.0, 1.5]",
    ),
    code(
        "F0976",
        "growth out of all proportion",
        "A rate of -100 % or less leaves nothing, and a demand more than a million times its beginning is a slip of the pen.",
        "growth = 40, where \"40 %\" is meant",
    ),
    code(
        "F0977",
        "a horizon beyond the end",
        "Demand and prices are known until the scenario's end; a roadmap looks no further.",
        "horizon = \"10 y\" with duration = \"365 d\"",
    ),
    code(
        "F0915",
        "a wish of the scenario that a plan does not keep",
        "A limit of `[plan]`, of an alternative or of a bus that has no code of its own: the hosting limit of a bus, sites that an alternative requires, shares of tiers and sites.",
        "a [[build]] of 70 MW at a bus with hosting_limit = \"65 MW\"",
    ),
    code(
        "F0916",
        "the loss of a site is not covered",
        "A tier of `survive_site_loss` has no stand-by for the whole of a share, or the stand-bys have no room for it beside what runs there.",
        "a [[placement]] of a T0 service and no [[stand-by]] for it",
    ),
    code(
        "F0917",
        "less service than asked for",
        "The shares of a service and what is left unserved do not sum to its demand, or a tier is served less than its `min_service`.",
        "[[unserved]] of half of T1 under min_service = { T1 = 0.95 }",
    ),
    code(
        "F0918",
        "a cost line that does not follow from the plan",
        "Costs are worked out again from what is built and placed; a plan may leave `[[cost]]` out, but what it states must be right within a millionth.",
        "annual_eur = 1.0 for the accelerators of a national plan",
    ),
    code(
        "F0919",
        "a certificate that contradicts the plan",
        "The objective is the sum of the cost lines, the bound is not above it, and the gap and the status follow from both.",
        "bound_eur above objective_eur",
    ),
    code(
        "F0978",
        "outlooks that make no tree",
        "Outlooks of a roadmap branch off: none follows itself, those of one parent begin at the same moment, after it, and their probabilities given it sum to 1.",
        "parent = \"early\" in the outlook `early`",
    ),
    code(
        "F0979",
        "what a roadmap does not plan for",
        "A roadmap plans for outlooks and for the loss of single sites; it knows no outages, no weight on the worst and no further investments. A warning.",
        "horizon = \"10 y\" with survive = [\"link\"]",
    ),
    code("F0920", "a case named like the scenario", "`base` means the scenario itself wherever cases are named.", "name = \"base\""),
    code(
        "F0921",
        "half an axis",
        "A case that is one of an ordered series says what is ordered, with its unit, and how much of it.",
        "axis = \"hits\" without `value`",
    ),
    code(
        "F0922",
        "cases that cannot be compared",
        "The cases of one group stand on one axis, each at another value, or on none.",
        "two cases with axis = \"hits\" and value = 30",
    ),
    code("F0923", "an unknown group of cases", "No `[[case]]` has this `group`.", "group = \"atacker\""),
    code(
        "F0924",
        "what no case can change",
        "The cases of a study share plans, time, seed and names, so that their differences are those of the assumption alone. `[scenario]`, `[plan]` (but for `discount_rate` and \
         `building_lifetime`), alternatives, questions and names stay as they are, and so does what a plan names.",
        "set = { \"scenario.duration\" = \"30 d\" }",
    ),
    code(
        "F0925",
        "a path that leads nowhere",
        "A change of a case names a table, an entry or a place in it that the scenario does not have. Paths are those of `--set`: `table.name.key`, or `table.key` where there is one table.",
        "set = { \"site.rigga.fuel\" = \"12 h\" }",
    ),
    code(
        "F0926",
        "an unknown metric",
        "The report or a question names a metric that no history of this scenario has. Metrics are named by kind, entity and metric, `*` for every entity; one word is a metric of the system.",
        "metrics = [\"tier.T0.serverd_share\"]",
    ),
    code(
        "F0927",
        "dates of a plan that cannot be",
        "What a plan orders is delivered a lead time later, energised after that and retired at the end of its life; sites and expansions take their lead time, too. Either every build is dated or none is.",
        "ordered = 2027-01-01 and delivered = 2027-02-01 where the lead time is a year",
    ),
    code(
        "F0928",
        "more than can be had",
        "Order books take orders between two dates, so many in all, in a year and in a period; export caps limit deliveries; expansions have so many steps.",
        "count = 5000 from a book with cap = 4000",
    ),
    code(
        "F0950",
        "a service twice in the serving costs",
        "The file of `serving_cost` has one row for each service.",
        "two rows `chat,..` in serving-cost.csv",
    ),
    code(
        "F0951",
        "serving costs without a header",
        "The first line is the header: `service`, then a site for each column.",
        "name,riga,vilnius",
    ),
    code(
        "F0952",
        "a fleet above the accelerators of its site",
        "More accelerators stand at the site than its `max_accelerators` takes.",
        "count = 16 under max_accelerators = 8",
    ),
    code(
        "F0953",
        "no link to survive the loss of",
        "`survive_link_loss` needs links: those that stand, and those that the plan may build.",
        "survive_link_loss = true without a [[link]]",
    ),
    code(
        "F0954",
        "an import that needs an option",
        "The file leaves a number to its reader: the message names the option that gives it.",
        "`capacity` instead of a number in a file of OR-Library, without --capacity",
    ),
    code(
        "F0955",
        "a location problem that cannot be imported",
        "The file ends too early, holds more than its first line says, or something in it is no number, or negative. The hint says what was expected.",
        "16 50 and fifteen facilities",
    ),
    code(
        "F0956",
        "a plan above the accelerators of a site",
        "The plan puts more accelerators at the site than its `max_accelerators` takes.",
        "count = 16 under max_accelerators = 8",
    ),
    code(
        "F0957",
        "a service that should run at one site",
        "The plan spreads a service with `single_site` over several sites.",
        "share = 0.5 at two sites",
    ),
    code(
        "F0958",
        "a plan that builds a link that stands",
        "A plan builds links with a `build_cost`; all others stand already.",
        "[[link]] link = \"north\" where it has no build_cost",
    ),
    code(
        "F0959",
        "a network that cannot be imported",
        "The file is no network of SNDlib, or something in it is impossible: a link to a node that no line defines, a place off the globe.",
        "<target>Berln</target>",
    ),
    code(
        "F0960",
        "probabilities that do not sum to one",
        "The `[[outlook]]` tables are all the futures that the plan considers: exactly one of them comes true.",
        "probability = 0.7 and probability = 0.4",
    ),
    code(
        "F0961",
        "an investment that cannot be weighed over outlooks",
        "What a lower PUE or a faster service saves depends on the load. With several outlooks or a worst case there is no one load, and the plan does not work out one for each.",
        "pue = 1.1 in a scenario with [[outlook]]",
    ),
    code(
        "F0962",
        "nothing that can be lost",
        "An outage names sites, links, lines, buses or vendors of accelerators: `site.riga`, `link.x`, `line.y`, `bus.z`, `vendor.v`.",
        "down = [\"service.chat\"]",
    ),
    code(
        "F0965",
        "an outage in which nothing must be served",
        "What must be served when something is lost is said by `min_service`, of the outage or of `[plan]`.",
        "survive = [\"site\"] without `min_service`",
    ),
    code(
        "F0966",
        "a weight on the worst outlooks that means nothing",
        "`cvar` is the mean cost of unserved demand over the worst `1 - level` of probability: it needs outlooks to choose from, and a level between 0 and 1.",
        "cvar = { level = 1.5, weight = 0.3 }",
    ),
    code(
        "F0967",
        "a worst case that cannot be",
        "`strike` says how many sites may be lost, at most all of them; `strike` and `demand_budget` count critical demand, so that a service must have some.",
        "strike = 9 with 8 sites",
    ),
    code(
        "F0968",
        "a penalty without what it is for",
        "`critical_penalty` is the price of a token of `critical` that is not covered.",
        "critical_penalty = \"10 EUR/M tokens\" without `critical`",
    ),
    code(
        "F0990",
        "an objective that cannot be ranked",
        "`objective` of `[plan]` names what the plan is for, the most important first: each once, and at least one.",
        "objective = [\"cost\", \"cost\"]",
    ),
    code(
        "F0991",
        "numbers of wild scale",
        "The numbers of the scenario's plan are so far apart that rounding could matter: coefficients of the program span more than nine decades, or a site has no room for a single node. The program is scaled before it is solved and the plan is checked afterwards. A warning; most often a unit is wrong.",
        "budget = \"1000000 bn EUR\"",
    ),
    code(
        "F0969",
        "a placement problem that cannot be imported",
        "The file is JSON of the kind `placement-v1`: `sites`, `gpus`, `workloads` and `scenarios`, with numbers that make sense and probabilities that sum to 1.",
        "\"prob\": 1.5",
    ),
    code(
        "F1001",
        "a case that cannot be imported",
        "The file is not a MATPOWER case of format version 2, or something in it is impossible: a bus that no row defines, a branch without reactance, a negative rating. The hint says what was expected.",
        "a branch row of mpc.branch with BR_X = 0",
    ),
    code("F1002", "a table without rows", "The CSV file is empty, or has nothing below its header.", "a units.csv with the header only"),
    code(
        "F1003",
        "a forced outage rate that contradicts the times",
        "The forced outage rate is MTTR / (MTTF + MTTR). The one in the table differs from it by more than rounding.",
        "mttf_h = 950, mttr_h = 50, forced_outage_rate = 0.5",
    ),
    code(
        "F1004",
        "percentages of an unknown peak",
        "The load is given by week, day and hour in percent of the annual peak of one area, and the peak is needed to make megawatts of them.",
        "load_weekly_peak_pct.csv without `--peak \"2850 MW\"`",
    ),
    code(
        "F1005",
        "not an adequacy system",
        "The JSON file is malformed, holds a number out of its range, or names regions and hours that its load does not have.",
        "{\"load\": [10, 12], \"gens\": [{\"cap\": 10, \"lam\": 1.5}]}",
    ),
    code(
        "F1101",
        "not a cluster",
        "A cluster is a shorthand of nodes x GPUs, a TOML file of `[[nodes]]`, or the node list of a trace (`.csv`, `.csv.gz`).",
        "--cluster 16",
    ),
    code(
        "F1102",
        "a cluster of impossible size",
        "A cluster has 1 to 1,048,576 nodes, a node at most 64 GPUs, and all nodes together at most 63 GPU models.",
        "--cluster 16x100",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    fn codes_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                codes_in(&path, found);
            } else if path.file_name().is_some_and(|name| name != "codes.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for part in text.split("\"F").skip(1) {
                    if part.len() > 5
                        && part.is_char_boundary(5)
                        && part.as_bytes()[4] == b'"'
                        && part[..4].bytes().all(|byte| byte.is_ascii_digit())
                    {
                        found.insert(format!("F{}", &part[..4]));
                    }
                }
            }
        }
    }

    /// Codes of other crates: `bastide-plan` says which constraints conflict and what a plan breaks, `bastide-schedule` what is no cluster.
    const OF_OTHER_CRATES: &[&str] = &["F0790", "F0915", "F0916", "F0917", "F0918", "F0919", "F1101", "F1102"];

    #[test]
    fn the_table_holds_the_codes_of_the_source_and_no_others() {
        let mut used = BTreeSet::new();
        codes_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut used);
        assert!(OF_OTHER_CRATES.iter().all(|code| !used.contains(*code)), "a code of another crate is made here");
        used.extend(OF_OTHER_CRATES.iter().map(|code| (*code).to_owned()));
        let table: BTreeSet<String> = super::all().iter().map(|code| code.code.to_owned()).collect();
        assert_eq!(used.difference(&table).collect::<Vec<_>>(), Vec::<&String>::new(), "used, not explained");
        assert_eq!(table.difference(&used).collect::<Vec<_>>(), Vec::<&String>::new(), "explained, not used");
        assert_eq!(table.len(), super::all().len(), "each code once");
        assert!(used.len() > 90, "the search finds the codes: {}", used.len());
    }
}
