"""Word tables for the generated corpora: data without code, for `textrnn.preparation.sample.synthetic_corpora`.

Every sentence was invented for this project. The words are everyday ones, so that classes share characters.
A generator fills each `{slot}` of a template from the table or the function of that name.
"""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Titles: class name -> words, the most frequent first. A class index is a position in this table; the order is that of
# the published class file. A word may belong to several classes.
TOPICS = {
    "finance": _words(
        "基金 银行 理财 市场 黄金 利率 净值 收益 保险 贷款 债券 美元 投资 经理 汇率 央行 存款 信用卡 外汇"
        " 公司 资金 业绩 风险 通胀 分红 存款准备金 国债 定投 私募 欧元 发行 规模 持有人 信托"
    ),
    "realty": _words(
        "楼盘 房价 均价 开盘 公寓 小区 地铁 平米 别墅 户型 市场 地产 土地 房源 精装 新房 租金 业主 开发商 住宅"
        " 投资 商铺 贷款 首付 公司 花园 限购 交房 二手房 现房 物业 建面 地块 豪宅"
    ),
    "stocks": _words(
        "股市 大盘 涨停 公司 个股 沪指 板块 业绩 市场 资金 投资 主力 股东 减持 增持 反弹 港股 券商 收盘 跌幅"
        " 美股 创业板 净利润 银行 重组 上市 停牌 油价 黄金 恒指 散户 新股 融资 评级"
    ),
    "education": _words(
        "考试 高考 大学 学生 考研 招生 四级 英语 留学 公务员 老师 录取 分数线 学校 教育 面试 作文 专业 报名"
        " 真题 就业 家长 志愿 校长 毕业生 美国 自主招生 简历 中学 培训 听力 申请 词汇 模拟题"
    ),
    "science": _words(
        "手机 科学家 研究 互联网 电脑 苹果 软件 卫星 地球 屏幕 公司 微软 实验 恐龙 网络 芯片 市场 发现 相机"
        " 太空 像素 用户 平板 宇宙 人类 火星 技术 运营商 笔记本 搜索 机器人 病毒 系统 美国"
    ),
    "society": _words(
        "男子 女子 警方 老人 民警 村民 车祸 夫妻 医院 司机 嫌犯 法院 儿子 死亡 母亲 学生 小偷 被抓 医生 获刑"
        " 居民 邻居 丈夫 火灾 老师 抢劫 失踪 受伤 女儿 诈骗 公交车 打工 救人 网友"
    ),
    "politics": _words(
        "总统 美国 政府 外交部 会谈 总理 访问 官员 军方 选举 议会 联合国 部长 袭击 大使 制裁 士兵 协议 警方"
        " 反对派 峰会 海军 局势 外长 书记 爆炸 核试验 死亡 导弹 声明 抗议 救援 地震 首相"
    ),
    "sports": _words(
        "球队 比赛 主场 球员 教练 冠军 联赛 决赛 热火 国足 火箭 进球 季后赛 赛季 湖人 转会 三分 世界杯 受伤"
        " 奥运 前锋 晋级 亚洲杯 门将 球迷 篮板 夺冠 网球 战胜 裁判 中超 主帅 训练 选秀"
    ),
    "game": _words(
        "游戏 玩家 网游 公测 副本 活动 版本 职业 服务器 任务 新手 装备 礼包 内测 战队 比赛 更新 地图 攻略 开启"
        " 魔兽 系统 技能 公会 冠军 截图 怪物 客户端 网页 坐骑 激活码 竞技场 道具 用户"
    ),
    "entertainment": _words(
        "电影 明星 导演 演员 票房 新片 歌手 主演 专辑 电视剧 女星 演唱会 角色 首映 粉丝 绯闻 儿子 综艺"
        " 结婚 预告 网友 影帝 性感 红毯 新歌 戏份 女儿 造型 颁奖 恋情 曝光 剧组 翻拍 上映"
    ),
}

FILLERS = _words(
    "将 今日 再次 成为 首次 最新 或 称 推出 公布 遭 不 新 大 的 与 和 在 被 获 可能 进入 宣布 回应 引发 关注 近日"
    " 继续 为何 如何 全国 今年 明年 正式 未来 影响 超 仍 有望 详细 重大 开始 结束 五 三大 专家 记者 介绍 消息 计划"
    " 问题 提高 增长 下降 全面 国际 时间 亮相 揭秘 图文 组图 独家 十大 盘点 举行 面临 成功 称赞"
)
UNITS = _words("万 亿元 % 年 月 日 人 名 元 岁 天 小时 强 次 家 米")
LATIN = _words("A股 NBA iPhone GDP CPI 3D MBA VS PK CEO IT QQ DNA LED TOP10 Q3 TD SUV 4S WTO IPO UFO ATM H5 V8")
MARKS = _words("， ， ， ： ： ！ 、 ？ …")
TITLE_STARTS = _words(
    "{topic}{filler} {topic}{filler}{topic} {place}{topic} {person}：{topic} {filler}{topic} {number}{topic}"
)
TITLE_PHRASES = _words(
    "{topic} {topic}{filler} {filler}{topic} {topic}{filler}{topic} {filler}{topic}{filler} {number}{topic}"
    " {place}{topic} {person}{filler} {person}{filler}{topic} 《{rare}{filler}》{topic} {latin}{topic}"
    " {filler}{number} {rare}{topic} {topic}{topic} {topic}{number} {person}：{topic}"
    " {latin}{filler} {place}{number}{filler}"
)

# Entities.
SURNAMES = _words(
    "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 高 林 罗 郑 梁 谢 宋 唐 许 韩 冯 邓 曹 彭 曾 肖 田 董 袁 潘"
    " 于 蒋 蔡 余 杜 江 金 石 白 方 欧阳 司马 诸葛"
)
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰涛明超兰霞平刚桂英华文玉建国春梅海燕志新红云峰雪东林山江天安长永成光"
PLACES = _words(
    "北京 上海 广州 深圳 天津 重庆 南京 武汉 成都 杭州 西安 长沙 济南 青岛 大连 沈阳 昆明 云南 四川 湖南 山东 河北"
    " 江苏 浙江 福建 美国 日本 法国 英国 德国 俄罗斯 印度 香港 澳门 伦敦 巴黎 纽约 东京 莫斯科 亚洲 欧洲 中东"
)
PLACE_ENDS = _words("市 省 县 市 县 镇 区 村 州 山 河 自治区")
ORG_MIDDLES = _words("人民 建设 科技 师范 国际 东方 第一 电力 文化 农业 理工 长江 新华 海洋 交通 医科 贸易")
ORG_ENDS = _words("公司 大学 委员会 银行 医院 集团 协会 研究所 出版社 政府 中学 日报社 有限公司 足球队 法院")
ORG_SHORT = _words("国务院 外交部 联合国 新华社 教育部 欧盟 世贸组织 北大 人大 财政部")

CLAUSES = (
    "{per}在{loc}会见了{per}",
    "{per}说他不知道",
    "记者{per}从{loc}报道",
    "{org}今天在{loc}举行会议",
    "{org}负责人{per}表示",
    "他曾在{org}工作过{number}年",
    "来自{loc}、{loc}和{loc}的代表参加了活动",
    "{per}、{per}{per}等人出席",
    "{loc}{loc}的农民收入有了提高",
    "{org}和{org}签订了合作协议",
    "{loc}是一座美丽的城市",
    "{per}出生于{loc}{loc}",
    "{org}{per}当选为主席",
    "{org}{org}共同主办了展览",
    "据{org}介绍",
    "{loc}队以{number}比{number}战胜{loc}队",
    "{per}的父亲是{loc}人",
    "他们坐火车去了{loc}",
    "{per}同志的讲话很重要",
    "我们要把经济建设搞上去",
    "群众的生活一天天好起来",
    "这是一个新的开始",
    "今年的粮食产量比去年增长了{number}",
    "大家都很高兴",
    "春天来了",
    "这个问题必须解决好",
    "天气越来越冷",
    "孩子们在山上种了{number}棵树",
    "高质量的产品受到了欢迎",
    "江水平静地流过",
    "事情并不那么简单",
    "工作人员说明了情况",
    "其中的{rare}字很少有人认识",
    "公司的发展离不开科技",
    "经过{number}天的努力",
    "长期以来",
    "大学生和工人一起劳动",
    "会议讨论了有关的文件",
)

# Names: country -> weight in the sampling of rows, then first, middle and last syllables. Vowels and endings tell the
# countries apart. A `~` capitalises the next letter, a `_` becomes a space.
COUNTRIES = {
    "Arabic": (10.0, "Ha Kha Sa Na Ra Ba Sha Ma Ta Za Gha Ke", "li da ba sa mo di ri", "ad ar im our awi an een i ouf"),
    "Chinese": (1.3, "Zh X Q Sh Ch W H L Y G F D J", "", "ang ong iao uan ei ou in un ai"),
    "Czech": (2.6, "Ko Ho Vo Ja Ne Sva Pro Kre Du Ma", "ri ve ha di cha", "vak cek sky zka cka ska nek lik"),
    "Dutch": (1.5, "van_der_~ Van~ Ro Aa Ve Kui Ha Me", "bel der sen pe", "man sen ingh stra huis oosten dijk"),
    "English": (18.3, "Ash Black Hart Wood Wal Har Nor Stan Thorn Brad Al Ed Win Whi", "ling er ming hur bi",
                "ton ley ford son well man worth ham er field by"),
    "French": (1.4, "Beau De Du Le~ La Mon Char Fon Gar", "la re bou vil", "eau ault ier ois elle mont lac"),
    "German": (3.6, "Schmi Kra Hei Ber Schw Ste Voge Ro Wei Ho", "den fel sche ger",
               "mann stein berg er bach dt feld inger"),
    "Greek": (1.0, "Pa Ka Ste Andre Kos Geo The Mar", "po da to lo ri", "poulos akis idis as ellis ou opoulos"),
    "Irish": (1.2, "O'~ O'~ Mc~ Mac Kea Don Fla Bra", "no ga lo ri", "nnell nnor han gan dy ney han rty"),
    "Italian": (3.5, "Di_~ De_~ Ro Be Fe Gia Mar Vi Ca Sa", "ri lo ne ce to", "etti ini elli ano acci one i ucci"),
    "Japanese": (4.9, "Ya Ta Na Ki Mi Sa Fu Ha O I Ko", "ka ma shi mu na ra", "moto mura ta da gawa no shi zaki ka"),
    "Korean": (0.5, "K P Ch S H Y N J R", "", "im ark oi eo ang oung am oon"),
    "Polish": (0.7, "Ko Wi Ka Za Woj Szy Ja No", "wal czy min le", "ski wicz czyk ak ek owski"),
    "Portuguese": (0.4, "Fer Al Pe Sou Sil Ri Car", "rei mei val bei", "ra da os eira es alho inho"),
    "Russian": (46.9, "Vi Pe Ab Zhe Tu Iv Gri Ku Bo Shch Dob Ya Ma Ts Zh", "ra le ki no bo ze ly cha da sha",
                "ov ev in sky off enko vich kin yan uk nov iev akov"),
    "Scottish": (0.5, "Mac Mc Camp Fra Ro Stew Gra", "ke don", "bell ser art ald ham son ie"),
    "Spanish": (1.5, "Fer Mar Gon Ro Her Al San De_la_~", "nan dri ti", "ez ero illa osa ado guez era"),
    "Vietnamese": (0.4, "Ng Tr Ph V D H L", "", "uyen an am o uong inh ieu ai"),
}  # fmt: skip
# Surnames that several countries share, and that no model can tell apart.
AMBIGUOUS = {
    "Martin": _words("English French German Scottish Spanish"), "Lee": _words("English Chinese Korean"),
    "Simon": _words("French German Irish English Czech"), "Long": _words("Chinese English Scottish"),
    "Adam": _words("Czech French English Irish German"), "Ha": _words("Korean Vietnamese Chinese"),
    "Chu": _words("Chinese Vietnamese Korean"), "Romano": _words("Italian Spanish Portuguese"),
    "Samuel": _words("English French Arabic Polish"), "Costa": _words("Italian Portuguese Spanish Greek"),
    "Vos": _words("Dutch Czech Russian"), "Berg": _words("German Dutch Russian"),
    "Abe": _words("Japanese Arabic Russian"), "Roman": _words("Russian Polish Japanese"),
}  # fmt: skip

# Reviews: label 1 is negative, label 2 positive.
ADJECTIVES = {
    1: _words(
        "bad terrible awful boring poor useless cheap disappointing broken horrible weak dull annoying flimsy"
        " worthless defective"
    ),
    2: _words(
        "good great excellent wonderful amazing fantastic perfect lovely solid superb enjoyable reliable brilliant"
        " fun beautiful"
    ),
}
OPINIONS = {
    1: (
        "This {thing} is {adj}.",
        "It's {adj} and {adj}!",
        "not {opposite} at all",
        "I don't think it is {opposite}.",
        "What a waste of ${number}.",
        "I want my money back!!!",
        "Don't buy this {thing}.",
        "It stopped working after {number} days...",
        "I returned it the next day.",
        "The {thing} isn't as {opposite} as they say.",
        "Two thumbs down",
        "SAVE YOUR MONEY.",
        'Everyone said "{opposite}", but I found it {adj}.',
        "My {person} hated it.",
        "I wouldn't recommend the {thing}.",
    ),
    2: (
        "This {thing} is {adj}.",
        "It's {adj} and {adj}!",
        "not {opposite} at all",
        "You can't go wrong with it.",
        "Worth every penny of ${number}.",
        "I'd buy it again!!!",
        "Buy this {thing}, you won't regret it.",
        "It still works after {number} days...",
        "I can't put it down.",
        "The {thing} isn't as {opposite} as they say.",
        "Two thumbs up",
        "I LOVE IT.",
        'Everyone said "{opposite}", but I found it {adj}.',
        "My {person} loved it.",
        "I'd recommend the {thing} to anyone.",
    ),
}
NEUTRAL = (
    "I bought this {thing} in {year} for my {person}.",
    "It was ${number}.99 at {url}.",
    "The {thing} came in a {rare} box.",
    "Mr. {rare} wrote it in the U.S. in {year}.",
    "See {url} for the details.",
    "There are {number} parts, e.g. the {rare} and the {thing}.",
    "We've had it for {number} years.",
    "I read it on a train, from 9 a.m. to {number} p.m.",
    "Then again, who knows?",
    "It's about a {thing} and a {person}.",
    "My {person} has the other {thing}, i.e. the {rare} one.",
    "(I ordered it twice)",
    "So, what can I say...",
    '"{rare}" is on page {number}.',
    "Dr. {rare} uses it too.",
    "The colour is {rare}-grey, size 1/{number}.",
)
JOINERS = ("But ", "However, ", "Still... ", "On the other hand, ", "OK, ")
THINGS = _words(
    "book movie CD camera phone toy story album DVD game cable lamp chair printer player battery soundtrack knife bag"
    " novel vacuum"
)
PEOPLE = _words("wife husband son daughter mom dad friend brother sister boss dog")
URLS = _words("www.example.com http://shop.example.com/x https://example.org www.example.net/reviews example.com")
SYLLABLES = _words("ba cor del fi gra hul jen kra lo mis nor pel qui ros stu tam vek wil xan yor zed")
TITLES = {
    1: ("{adj}", "Not {opposite}", "{adj} {thing}", "Don't bother", "A {adj} {thing} for my {person}", "Disappointed"),
    2: ("{adj}", "Not {opposite}", "{adj} {thing}", "A must have", "A {adj} {thing} for my {person}", "Very happy"),
}
NEUTRAL_TITLES = ("My review", "The {rare} {thing}", "Mr. {rare}", "{year}", "Read this", "My {person}'s {thing}")
