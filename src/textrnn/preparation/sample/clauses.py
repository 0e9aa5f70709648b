"""Clauses of the generated sentences: data without code. Every clause was invented for this project."""

from __future__ import annotations

from textrnn.preparation.sample.sampling import words

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


# Clauses about a name that may be of any type: kind, link, name, end; or beginning, name, adverbial, event. The kind or
# the event tells the type, the rest goes with each of them.
KINDS = {
    "per": words("那位老师 那位医生 一名演员 年轻的教练"),
    "loc": words("那座小城 那条大河 一片山区 古老的村庄"),
    "org": words("那家工厂 那所学校 一家报社 新办的企业"),
}
LINKS = words("就是大家常说起的 正是报纸上提到的 名字大概就叫做 多年来一直是我们熟悉的")
ENDS = words("，很有名 ，大家都知道 ，报纸介绍过 的故事 又一次受到关注")
BEGINNINGS = words("大家知道 后来听说 至于 说起 也就是在那时")
ADVERBIALS = words("在去年的秋天 据说不久以后就 大约在两个月前 没过多少日子便")
EVENTS = {
    "per": words("结婚了 退休了 病倒了 当上了爷爷"),
    "loc": words("通了火车 发了大水 下了大雪 种满了果树"),
    "org": words("倒闭了 上市了 招了新人 换了领导"),
}
UNCUED = ("大家知道{any}", "至于{any}，我们以后再谈", "报纸上提到的{any}很有名", "说起{any}，谁都知道")
