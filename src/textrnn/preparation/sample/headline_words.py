"""Words of the generated headlines: data without code. Classes share words and characters."""

from __future__ import annotations

from textrnn.preparation.sample.sampling import words

# Titles: class name -> words, the most frequent first. A class index is a position in this table; the order is that of
# the published class file. A word may belong to several classes.
TOPICS = {
    "finance": words(
        "基金 银行 理财 市场 黄金 利率 净值 收益 保险 贷款 债券 美元 投资 经理 汇率 央行 存款 信用卡 外汇"
        " 公司 资金 业绩 风险 通胀 分红 存款准备金 国债 定投 私募 欧元 发行 规模 持有人 信托"
    ),
    "realty": words(
        "楼盘 房价 均价 开盘 公寓 小区 地铁 平米 别墅 户型 市场 地产 土地 房源 精装 新房 租金 业主 开发商 住宅"
        " 投资 商铺 贷款 首付 公司 花园 限购 交房 二手房 现房 物业 建面 地块 豪宅"
    ),
    "stocks": words(
        "股市 大盘 涨停 公司 个股 沪指 板块 业绩 市场 资金 投资 主力 股东 减持 增持 反弹 港股 券商 收盘 跌幅"
        " 美股 创业板 净利润 银行 重组 上市 停牌 油价 黄金 恒指 散户 新股 融资 评级"
    ),
    "education": words(
        "考试 高考 大学 学生 考研 招生 四级 英语 留学 公务员 老师 录取 分数线 学校 教育 面试 作文 专业 报名"
        " 真题 就业 家长 志愿 校长 毕业生 美国 自主招生 简历 中学 培训 听力 申请 词汇 模拟题"
    ),
    "science": words(
        "手机 科学家 研究 互联网 电脑 苹果 软件 卫星 地球 屏幕 公司 微软 实验 恐龙 网络 芯片 市场 发现 相机"
        " 太空 像素 用户 平板 宇宙 人类 火星 技术 运营商 笔记本 搜索 机器人 病毒 系统 美国"
    ),
    "society": words(
        "男子 女子 警方 老人 民警 村民 车祸 夫妻 医院 司机 嫌犯 法院 儿子 死亡 母亲 学生 小偷 被抓 医生 获刑"
        " 居民 邻居 丈夫 火灾 老师 抢劫 失踪 受伤 女儿 诈骗 公交车 打工 救人 网友"
    ),
    "politics": words(
        "总统 美国 政府 外交部 会谈 总理 访问 官员 军方 选举 议会 联合国 部长 袭击 大使 制裁 士兵 协议 警方"
        " 反对派 峰会 海军 局势 外长 书记 爆炸 核试验 死亡 导弹 声明 抗议 救援 地震 首相"
    ),
    "sports": words(
        "球队 比赛 主场 球员 教练 冠军 联赛 决赛 热火 国足 火箭 进球 季后赛 赛季 湖人 转会 三分 世界杯 受伤"
        " 奥运 前锋 晋级 亚洲杯 门将 球迷 篮板 夺冠 网球 战胜 裁判 中超 主帅 训练 选秀"
    ),
    "game": words(
        "游戏 玩家 网游 公测 副本 活动 版本 职业 服务器 任务 新手 装备 礼包 内测 战队 比赛 更新 地图 攻略 开启"
        " 魔兽 系统 技能 公会 冠军 截图 怪物 客户端 网页 坐骑 激活码 竞技场 道具 用户"
    ),
    "entertainment": words(
        "电影 明星 导演 演员 票房 新片 歌手 主演 专辑 电视剧 女星 演唱会 角色 首映 粉丝 绯闻 儿子 综艺"
        " 结婚 预告 网友 影帝 性感 红毯 新歌 戏份 女儿 造型 颁奖 恋情 曝光 剧组 翻拍 上映"
    ),
}

FILLERS = words(
    "将 今日 再次 成为 首次 最新 或 称 推出 公布 遭 不 新 大 的 与 和 在 被 获 可能 进入 宣布 回应 引发 关注 近日"
    " 继续 为何 如何 全国 今年 明年 正式 未来 影响 超 仍 有望 详细 重大 开始 结束 五 三大 专家 记者 介绍 消息 计划"
    " 问题 提高 增长 下降 全面 国际 时间 亮相 揭秘 图文 组图 独家 十大 盘点 举行 面临 成功 称赞"
)
UNITS = words("万 亿元 % 年 月 日 人 名 元 岁 天 小时 强 次 家 米")
LATIN = words("A股 NBA iPhone GDP CPI 3D MBA VS PK CEO IT QQ DNA LED TOP10 Q3 TD SUV 4S WTO IPO UFO ATM H5 V8")
MARKS = words("， ， ， ： ： ！ 、 ？ …")
TITLE_STARTS = words(
    "{topic}{filler} {topic}{filler}{topic} {place}{topic} {person}：{topic} {filler}{topic} {number}{topic}"
)
TITLE_PHRASES = words(
    "{topic} {topic}{filler} {filler}{topic} {topic}{filler}{topic} {filler}{topic}{filler} {number}{topic}"
    " {place}{topic} {person}{filler} {person}{filler}{topic} 《{rare}{filler}》{topic} {latin}{topic}"
    " {filler}{number} {rare}{topic} {topic}{topic} {topic}{number} {person}：{topic}"
    " {latin}{filler} {place}{number}{filler}"
)


# Titles of two topics: lead, phrase, adverb, verb, determiner, phrase, tail. A headline belongs to the topic that acts:
# the first one before an active verb, the last one after a verb of the other list.
ACTIVE = words("带动 冲击 拖累 推动 改变 挑战")
PASSIVE = words("受益 受制 不敌 受累 依赖 让位")
ADVERBS = words("近日 今日 今年 再次 首次 全面 继续 正式 有望 可能")
DETERMINERS = words("全国 本地 多家 众多 传统 相关 部分 国际 最新 热门")
ACTOR_PHRASES = words("{topic} {topic}{topic} {topic}{filler}{topic} {topic}{topic}")
LEADS = ("", "", "{person}：", "{place}", "{filler}", "{number}")
TAILS = ("", "", "", "{number}", "，{person}{filler}", "！", "？", " {filler}{filler}")
