package store

// A quarter is one district as the storyteller knows it. People in Chinatown
// write their reports in Chinese.
type quarter struct {
	district int
	weight   int // how much happens there
	chinese  bool
	typical  []string
	places   []string
}

var quarters = []quarter{
	{district: 1, weight: 7, typical: []string{"vandalism", "riddle", "robbery"}, places: []string{
		"Cathedral Square", "Old Courthouse steps", "Finger Street 14", "Founders' Bridge, north ramp", "Gotham Chronicle building"}},
	{district: 2, weight: 9, typical: []string{"robbery", "burglary", "fraud"}, places: []string{
		"Kessler & Sons Jewellers", "Meridian Bank, vault level", "Hotel Aurelia, penthouse", "Opal Arcade", "Gotham Diamond Exchange"}},
	{district: 3, weight: 12, typical: []string{"assault", "sabotage", "arson"}, places: []string{
		"Ladder Lane 7", "Steam Works pump house", "Pauper's Bridge", "Tin Alley", "St Swithin's Clinic"}},
	{district: 4, weight: 11, typical: []string{"assault", "burglary", "arson"}, places: []string{
		"Robinson Tenements, block C", "Lyle Street laundrette", "Eastside Gym", "Harlow Pawnbrokers", "Brown Street underpass"}},
	{district: 5, weight: 10, typical: []string{"robbery", "assault", "vandalism"}, places: []string{
		"Monarch Theatre, rear exit", "Park Row 52", "Lamplighter Court", "Crown & Thimble", "Free clinic on Park Row"}},
	{district: 6, weight: 6, typical: []string{"sabotage", "arson", "burglary"}, places: []string{
		"Otis Freight Yard", "Gasworks, tank 3", "Substation 11", "Cannery Row", "Miller Steel, gate 2"}},
	{district: 7, weight: 6, typical: []string{"fraud", "burglary", "kidnapping"}, places: []string{
		"Burnley Town Hall", "Gotham University, chemistry wing", "Elm Terrace 3", "Burnley Savings Bank", "Tramway depot"}},
	{district: 8, weight: 8, chinese: true, typical: []string{"smuggling", "robbery", "fraud"}, places: []string{
		"玉龙街17号", "金门茶楼", "福安钱庄", "荷花夜市", "东盛码头仓库"}},
	{district: 9, weight: 7, typical: []string{"riddle", "vandalism", "kidnapping"}, places: []string{
		"Hall of Mirrors", "Ferris wheel, ticket booth", "Carousel pavilion", "Boardwalk arcade", "Old roller coaster"}},
	{district: 10, weight: 9, typical: []string{"smuggling", "sabotage", "burglary"}, places: []string{
		"Pier 19", "Tricorner Naval Yard", "Customs shed B", "Container row 44", "Lighthouse Point"}},
}

// A plot is what people say about one kind of crime.
type plot struct {
	severity [4]int // weights, in the order of severities
	english  []string
	chinese  []string
}

var plots = map[string]plot{
	"robbery": {[4]int{1, 4, 6, 2},
		[]string{"Three masked men emptied the till and left on motorcycles.", "Armoured van stopped by a staged accident; two crates are missing.", "A clerk was held at gunpoint, nobody hurt. The suspect ran towards the river.", "Display cases smashed in under forty seconds. They knew which ones."},
		[]string{"三名蒙面人抢走收银箱，骑摩托车逃离。", "运钞车遭人设局拦下，丢失两箱财物。", "店员被持枪威胁，无人受伤，嫌犯朝河边逃走。"}},
	"burglary": {[4]int{3, 6, 3, 1},
		[]string{"Skylight cut open with a glass cutter, the safe is untouched. Strange.", "Back door forced. Ledgers taken, cash left behind.", "Alarm bypassed from the inside; the night guard has not come back.", "Claw marks on the window frame and one missing necklace."},
		[]string{"天窗被玻璃刀割开，保险柜却完好无损。", "后门被撬，账本不见了，现金还在。", "警报器从内部被关掉，值夜保安下落不明。"}},
	"assault": {[4]int{2, 6, 4, 1},
		[]string{"Fight between two crews, at least five people involved.", "Man attacked on his way home, taken to the clinic.", "A witness saw a shadow on the roof before it stopped.", "Courier beaten for a parcel he says was empty."},
		[]string{"两伙人斗殴，至少五人参与。", "一名男子回家途中遭袭，已送诊所。", "送货员为一个空包裹被打。"}},
	"arson": {[4]int{1, 3, 6, 4},
		[]string{"Fire on two floors, smell of accelerant in the stairwell.", "Warehouse burning, flames are green at the base.", "Three cars alight, one after the other, in a straight line.", "Someone set the archive room on fire and locked the door."},
		[]string{"两层楼起火，楼梯间有助燃剂气味。", "仓库着火，火焰底部呈绿色。", "三辆车接连起火，排成一条直线。"}},
	"smuggling": {[4]int{2, 6, 4, 1},
		[]string{"Unlit boat unloading crates marked as umbrellas.", "Container opened at night, the seals were replaced before dawn.", "Customs papers for ice, but the truck is not refrigerated.", "Caged animals seen going into a closed warehouse."},
		[]string{"无灯船只正在卸货，箱上写着雨伞。", "集装箱夜里被打开，天亮前又换上新封条。", "报关单写的是冰块，可货车根本没有冷藏。"}},
	"fraud": {[4]int{5, 6, 2, 0},
		[]string{"Forged bearer bonds accepted at two counters this week.", "A charity for orphans that has no orphans and no address.", "Betting slips printed before the race was run.", "Identity of a dead councillor used to open an account."},
		[]string{"本周两个柜台收进伪造债券。", "一家孤儿慈善会，既没有孤儿也没有地址。", "赛马还没跑，彩票已经印好。"}},
	"vandalism": {[4]int{8, 3, 1, 0},
		[]string{"Every street lamp on the block broken, one by one.", "Statue painted half white, half black, down the exact middle.", "Smiles sprayed on forty doors overnight.", "Public clock stopped at 10:48 and the hands welded."},
		[]string{"整条街的路灯被逐个打碎。", "雕像被漆成一半白一半黑，分界线笔直。", "一夜之间四十扇门被喷上笑脸。"}},
	"kidnapping": {[4]int{0, 1, 5, 6},
		[]string{"A councillor's driver found alone, the car door open.", "Professor did not come home; a playing card lay on his desk.", "Child last seen with a man in a mouse-grey hat.", "Ransom note made of cut-out crossword clues."},
		[]string{"议员的司机独自被发现，车门大开。", "教授没有回家，桌上留着一张扑克牌。", "勒索信用报纸填字游戏拼成。"}},
	"sabotage": {[4]int{1, 3, 5, 4},
		[]string{"Valves opened by hand, gas is drifting towards the houses.", "Signal box rewired: two trains on one track, stopped in time.", "Vines have lifted the transformer off its base.", "Ice in the water main, in the middle of a warm night."},
		[]string{"阀门被人手动打开，气体正飘向民居。", "信号箱被改线，两列火车险些相撞。", "暖夜之中，水管竟然结冰。"}},
	"riddle": {[4]int{5, 5, 3, 2},
		[]string{"Green envelope nailed to the door: “What has hands but cannot hold you?”", "Question mark drawn in petrol on the pavement. Not lit yet.", "Phone booth rings every hour; a voice asks what walks on four legs.", "A crossword in the morning paper spells out tonight's target."},
		[]string{"门上钉着绿信封：“什么有手却抓不住你？”", "路面上用汽油画了一个问号，还没点燃。", "电话亭每小时响一次，有个声音在出谜语。"}},
}

// Every second witness would rather not be named.
var (
	reporters = []string{"", "", "", "", "Officer Montoya", "Officer Bullock", "Sgt. Harper", "Night guard",
		"Mrs. Kowalski", "Taxi 4471", "Dock foreman", "Dr. L. Thompkins"}
	chineseReporters = []string{"", "", "", "陈警官", "李太太", "王掌柜", "码头工人"}
)
