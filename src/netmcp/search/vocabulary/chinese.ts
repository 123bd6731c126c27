/** English words with their Chinese, both ways, so that a request finds a tool that is described in the other language. */
export const CHINESE = `
get, fetch, 获取, 得到
search, find, query, 搜索, 查询, 查找, 检索
create, generate, 创建, 生成, 新建
write, save, 写入, 保存
read, 读取, 阅读
update, modify, 更新, 修改
delete, remove, 删除, 释放
list, 列表, 列出
convert, transform, 转换
translate, 翻译
download, 下载
upload, 上传
recommend, suggest, 推荐, 建议
compare, 比较, 对比
calculate, compute, 计算
analyze, analysis, 分析
summary, summarize, 摘要, 总结
news, headline, 新闻, 资讯
trend, trending, hot, popular, 热门, 热点, 热搜, 热榜
rank, ranking, top, 排行, 榜单, 排名
today, daily, 今日, 今天, 每日
time, current time, 时间
date, 日期
weather, 天气
forecast, predict, 预测, 预报
map, 地图
location, position, place, 位置, 地点
address, 地址
city, 城市
station, 车站, 站点, 站名
train, railway, 火车, 高铁, 列车, 动车, 铁路
ticket, 车票, 余票, 票务, 门票
flight, 航班
hotel, 酒店
route, path, 路线, 路径
travel, trip, 旅行, 旅游, 行程
food, meal, 食物, 美食
dish, recipe, cook, 菜谱, 菜品, 食谱, 做法, 烹饪
menu, 菜单
price, 价格
buy, shopping, product, 购物, 商品, 购买
discount, deal, 优惠, 折扣
stock, share, 股票, 股市
finance, financial, 财经, 金融, 财务
exchange rate, currency, 汇率, 货币
market, 市场, 行情
company, 公司, 企业
book, reading, novel, 图书, 书籍, 小说
movie, film, 电影
video, 视频
music, song, 音乐, 歌曲
image, picture, photo, 图片, 图像
chart, graph, 图表
game, gaming, 游戏
social, post, 社交, 帖子
technology, tech, 科技, 技术
electronics, digital, gadget, 数码
article, 文章
document, 文档
file, 文件
folder, directory, 目录
table, spreadsheet, 表格
text, 文本, 文字
slide, presentation, 演示, 幻灯
web, page, webpage, website, 网页, 网站
link, url, 链接
code, 代码
user, 用户
message, 消息
email, mail, 邮件
data, 数据
health, medical, 健康, 医疗
sport, 体育
school, education, 学校, 教育
job, career, 招聘, 职位
house, rent, 房屋, 租房
network, 网络
coverage, signal, 覆盖, 信号
cell, base station, 小区, 基站
handover, mobility, switch, 切换, 移动
slice, 切片
latency, delay, 时延, 延迟
bandwidth, throughput, rate, 带宽, 速率, 吞吐
quality, qos, guarantee, 质量, 保障
reserve, allocate, 预留, 分配
resource, 资源
subscriber, terminal, ue, 终端, 订户
session, connection, 会话, 连接
policy, rule, 策略, 规则
priority, 优先
load, congestion, 负载, 拥塞
alarm, fault, failure, 告警, 故障
monitor, 监控, 监测
energy, power, 节能, 能耗
edge, computing, 边缘, 计算, 算力
drone, uav, 无人
vehicle, car, 车辆, 汽车
conference, meeting, 会议
`;
