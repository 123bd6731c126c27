/**
 * Everyday words for what tools do and what they are about, written by us; a tool server may stand before any
 * MCP server. Same form as the telecom terms.
 */
export const GENERAL = `
get, fetch, retrieve, obtain, read, load
find, search, look up, lookup, discover, query, seek, locate
create, make, generate, produce, compose, build, new
write, save, store, persist, put, record
save, saved, write > write file, create
update, edit, change, modify, alter, adjust, set, revise
delete, remove, erase, clear, drop, discard
show, display, list, view, print, present, enumerate
convert, transform, translate, turn, export, format
summarize, summarise, summary, digest, abstract, brief, overview, gist, key points, outline
merge, combine, join, concatenate, unite
split, divide, separate, partition
compare, comparison, contrast, versus, difference, diff
calculate, compute, calculator, math, arithmetic, sum, percentage, equation, formula
statistics, average, mean, median, mode
analyze, analysis, examine, evaluate, assess, study, insight, inspect
visualize, visualise, chart, graph, plot, diagram, histogram
mind map, mindmap, brainstorm
recommend, recommendation, suggest, suggestion, advice, advise, propose, tip
explain, explanation, clarify, describe, description
check, verify, validate, test, inspect
download, fetch, grab
upload, submit, send, post, publish
monitor, track, watch, follow, trace
compile, gather, collect, aggregate
plan, planner, schedule, organize, arrange, itinerary, calendar, agenda
remind, reminder, alert, notify, notification
book, booking, reserve, reservation, ticket
buy, purchase, shop, shopping, order, product, deal, store, retail, merchandise, marketplace
price, cost, cheap, affordable, expensive, discount, coupon, bargain, sale, deal, promotion, cashback
gift, present
money, finance, financial, bank, budget, expense, saving, wealth
income, salary, tax, taxes, irs
loan, credit, mortgage, debt, interest, lender, credit card
insurance, policy, coverage
stock, share, equity, ticker, market, invest, investment, portfolio, trading, trader, dividend, etf, nasdaq
company, business, corporate, corporation, firm, enterprise, startup
fundamental, balance sheet, cash flow, earnings, revenue, financial statement
crypto, cryptocurrency, bitcoin, btc, ethereum, eth, coin, token, blockchain, defi, nft, wallet
exchange rate, currency, forex, usd, eur, conversion
gold, silver, commodity, asset
news, headline, article, press, journalist, breaking, current events, newspaper
trend, trending, hot, popular, top, ranking, rank, viral, leaderboard, best
latest, recent, newest, current, today, now, up to date
today, tomorrow, yesterday, tonight, weekend, week, month, deadline, days, hour > current time, date, time
time, date, clock, timezone, time zone
weather, forecast, temperature, rain, climate, sunny, storm, wind, umbrella
air quality, pollution, aqi, smog
map, location, address, place, geocode, coordinate, latitude, position
nearby, near, around, close, neighborhood, vicinity > nearby places, location
route, direction, navigate, navigation, commute, distance, drive, driving, way
travel, trip, tour, vacation, holiday, journey, tourism, tourist, destination, sightseeing, itinerary, attraction
hotel, accommodation, lodging, stay, hostel, room, airbnb
flight, airline, airport, plane, fly, airfare
train, rail, railway, station, subway, metro, bus, transit, transport
car, vehicle, automobile, auto, dealer, truck, motor, used car
charging, ev, electric vehicle, charger
restaurant, dining, dine, eat, cuisine, lunch, dinner, breakfast, cafe, food
recipe, cook, cooking, dish, meal, ingredient, kitchen, menu, food, cuisine, bake
diet, nutrition, calorie, healthy, vegan, vegetarian, weight loss, keto
drink, wine, beer, cocktail, coffee, tea
health, medical, doctor, disease, symptom, patient, hospital, medicine, drug, treatment, clinical
clinical, trial, nct, study, drug, therapy
fitness, exercise, workout, gym, training, muscle, yoga
sleep, meditation, relax, stress, anxiety, mental, mindfulness, therapy, emotion, mood
beauty, makeup, cosmetic, skincare, fashion, clothes, outfit, dress, wardrobe, style
house, home, apartment, rent, rental, real estate, property, realtor, housing, landlord, bedroom
job, career, work, hire, hiring, employment, recruit, vacancy, resume, cv, interview, position, employer, candidate
cv, resume, cover letter
school, education, university, college, course, class, learn, lesson, tutor, student, teach, teacher, study, curriculum, training
homework, exam, quiz, test, question, flashcard
language, translate, translation, english, spanish, french, grammar, vocabulary, pronunciation, linguistic
word, dictionary, definition, meaning, synonym
research, paper, academic, scholar, scientific, science, literature, citation, journal, peer, arxiv, publication, bibliography
arxiv, paper, preprint
book, novel, reading, author, library, literature, ebook, read
story, tale, fiction, narrative, storytelling, bedtime, novel, character
poem, poetry, verse, lyric, haiku
write, writing, writer, essay, blog, content, copywriting, article, draft, text
seo, keyword, rank, marketing, backlink, traffic
marketing, advertise, advertising, ad, campaign, brand, promotion, audience
email, mail, inbox, gmail, newsletter, letter
message, chat, conversation, sms, talk, messenger, discord, slack, whatsapp
social, twitter, tweet, instagram, facebook, tiktok, reddit, influencer, post, weibo, social media
video, movie, film, youtube, tv, cinema, clip, watch, episode, show, streaming, television, series, anime
youtube, ted, lecture, speech, talk > transcript, subtitle, video
transcript, caption, subtitle, transcribe
music, song, playlist, spotify, artist, band, album, audio, lyrics, melody, track
podcast, audio, episode, listen, radio
speech, voice, speak, audio, text to speech, tts
image, picture, photo, photograph, photography, illustration, visual, drawing, draw, art, artwork, artist, logo, icon, png, jpg
edit, crop, resize, enhance > image, video, media
game, gaming, play, player, puzzle, fun, esports, steam, quest, adventure
chess, board game, card, sudoku
champion, character, hero, agent, match
fun, joke, funny, humor, entertain, entertainment, meme, amuse, bored
sport, football, soccer, basketball, nba, team, league, score, match, baseball, athlete, tournament
pet, dog, cat, animal, breed, puppy, wildlife
plant, garden, gardening, flower, tree
child, kid, parent, baby, family, toddler
wedding, party, event, celebration, birthday, festival, concert
ticket, event, concert, show, venue, theater
date, dating, relationship, love, romance, partner
astrology, horoscope, zodiac, tarot, fortune, divination, spiritual, mystic
religion, bible, prayer, god, church, verse, scripture, quran, faith
history, historical, ancient, past, era, century
philosophy, ethics, wisdom, quote
law, legal, lawyer, attorney, court, regulation, contract, legislation, patent, trademark, bill
politics, government, election, congress, senate, policy, vote, political
government, public, open data > dataset, data
data, dataset, database, table, record, csv, statistics, sql
database, sql, query, postgres, mysql, schema
code, program, programming, developer, software, script, coding, function, debug, bug, python, javascript, snippet, algorithm
repository, repo, git, github, gitlab, bitbucket, commit, branch, codebase, source code, pull request
library, package, npm, pypi, maven, dependency, module, version
documentation, docs, manual, guide, reference, deepwiki, wiki
command, terminal, shell, bash, process, execute, run
api, endpoint, integration, webhook, http, rest, request
website, web, site, page, webpage, url, link, browser, browse, internet, online, domain, html
domain, domain name, dns, hostname, whois
archive, snapshot, wayback, old version
security, vulnerability, malware, password, privacy, threat, cyber, hack, encryption, scan
network, ip, server, port, dns
cloud, aws, azure, kubernetes, docker, server, container, deploy
automate, automation, workflow, zapier, task, integrate
task, todo, to do, project, productivity, deadline, goal
note, memo, notebook, journal, diary, notion
memory, remember, recall, knowledge graph
random, randomly, lottery, raffle, dice, winner, lucky, draw, pick, choose
password, secret, token
file, document, folder, directory, path
document, doc, docx, word, paragraph, text
pdf, document, portable document
presentation, slide, slides, ppt, pptx, powerpoint, slideshow, deck
spreadsheet, excel, xlsx, sheet, workbook, cell, csv, table
markdown, md, text file
md, txt, html, json, yaml, log > file, write, text
html, web page, webpage
log, logs, error
diagram, flowchart, uml, mermaid, chart, visualize
pie, bar, line, histogram, boxplot > chart
3d, model, print, cad, mesh
qr, qr code, barcode
unit, measure, convert, metric, imperial
phone, mobile, smartphone, laptop, electronics, gadget, device, tech
technology, tech, gadget, digital, electronics, ai
ai, artificial intelligence, gpt, prompt, llm, chatgpt, machine learning, chatbot
prompt, midjourney, dall, stable diffusion, image generation
space, nasa, astronomy, planet, star, satellite, universe
environment, carbon, emission, sustainability, energy, climate, green, footprint
science, physics, chemistry, biology, chemical, molecule
chemical, drug, compound, molecule, target, bioactivity
review, rating, rate, feedback, opinion, testimonial
persona, personality, character, simulate, role play, roleplay
decision, decide, choice, choose, option
creative, creativity, idea, inspire, inspiration, brainstorm, innovation
improve, better, optimize, enhance, boost, upgrade, improvement
meet, meeting, appointment, conference, call, zoom
job description, job, hiring
survey, poll, form, questionnaire
lead, customer, client, crm, sales, sell, seller
supply, shipping, delivery, package, parcel, freight, tracking
charity, donate, donation, nonprofit
construction, architecture, building, interior, furniture, decor, room design, renovation
design, designer, layout, template, ui, ux, figma, canva
free, gratis, cheap
vote, opinion, poll
hotel, flight, car rental > travel
district, street, city, downtown > address, location, map
`;
