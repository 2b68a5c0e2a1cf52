"""The words of the espeak corpus, by the part they play in `espeak_sentences`.

Written for this project. Nouns are given in the singular, verbs as base and past joined by "/"
(one form where the past is regular). Words that carry rare phones of en-us (loch, dandelion,
belvedere, overture, amplifier, asteroid) are here on purpose: the corpus must hold every phone.
"""

from __future__ import annotations

NAMES = tuple(
    """
Alice Bach Anna Arthur Barbara Benjamin Beth Carlos Caroline Charles Clara Daniel David Diana
Edward Eleanor Emily Ethan Felix Fiona Frank George Grace Hannah Harold Helen Hugo Ian Irene Isaac
Jack James Jane Jasmine John Joyce Julia Kate Keith Laura Leo Louise Lucy Lydia Margaret Maria Mark
Martha Matthew Maya Michael Miriam Nathan Nina Noah Oliver Olivia Oscar Patrick Paul Peter Phoebe
Rachel Ralph Rebecca Robert Rosa Ruth Samuel Sarah Simon Sophia Stella Thomas Tobias Ursula Victor
Violet Walter William Yolanda Zachary Zoe
""".split()
)

PEOPLE = tuple(
    """
actor artist baker banker barber brother builder captain carpenter chairman child clerk clothier
cook cousin dancer daughter dentist dietitian doctor driver engineer envoy farmer father financier
firefighter friend gardener general girl boy gondolier grandfather grandmother guest guide
hairdresser hunter journalist judge king lawyer librarian magician manager manicurist mayor
mechanic mother mountaineer musician neighbor nephew niece nurse officer owner painter passenger
pharmacist philosopher photographer pianist pilot pioneer poet porter president prince princess
prisoner professor queen reporter sailor scholar scientist secretary shepherd sheriff shopkeeper
singer sister soldier stranger student superhero supplier tailor teacher theorist thief tourist
traveler uncle violinist viceroy visitor voyager waiter waitress watchmaker widow witness
woodworker writer youth
""".split()
)

ANIMALS = tuple(
    """
ant badger bat bear beaver bee beetle bird buffalo butterfly calf camel canary cat chicken cow crab
cricket crow deer dog dolphin donkey dragon duck eagle elephant falcon fox frog giraffe goat goose
hawk hedgehog heron horse hummingbird hyena kangaroo kitten ladybug lamb leopard lion lizard
lobster monkey moose mosquito mouse octopus orangutan ostrich otter owl oyster parrot peacock
pelican penguin pig pigeon pony puppy rabbit raven rooster salmon seal shark sheep snail snake
sparrow spider squirrel swan tiger toad tortoise turkey turtle vampire walrus whale wolf worm zebra
""".split()
)

THINGS = tuple(
    """
album amplifier anchor apron arrow asteroid axe bag balloon bandage barrel barrier basket bell belt
bench bicycle blanket boat bone book bottle bouquet bow bowl box bracelet branch brick bridge
brochure broom brush bucket bus button cable camera candle canoe cap card caricature carriage cart
casket celluloid chain chair chest chimney clock cloud coat coin collar comb computer contour
convoy cork costume cotton couch cradle crown cube cup cupboard curtain cushion dagger dandelion
desk diamond diary dictionary dish doll door dress drum earring earthenware engine envelope fan
feather fence figure film flag flower flute fork fountain frame furniture gate gift glass glove
guitar hammer handle handlebar hat headphone helmet honeysuckle hook horn humanoid identifier
instrument iron jacket jar jewel jigsaw joke journal jug key kite knife ladder lamp lantern leaf
letter lever lightbulb lock machine magazine magnifier manicure map mask mattress measure medal
message metaphor microscope mirror mitten modifier motor mug nail napkin necklace needle
neighborhood newspaper nightmare notebook oar orchid organ oven overture paddle page paint pamphlet
paper parachute parcel pearl pedal pen pencil periodical photograph piano picture pillow pin pipe
plank plate plow Polaroid pocketbook poem portrait postcard pot present pump purifier puzzle quilt
radio raft razor reservoir ribbon rifle ring robe rocket rope rug sack saddle sail sapphire saw
scarf scissors screen sculpture seat seed shawl shelf shield ship shirt shoe shovel sign silverware
sketchbook skirt sled sleeve soap sofa spoon stamp statue stick stone stool story stove string
suitcase sweater sword table tail tapestry telephone telescope television tent thermometer thing
thread ticket tie tile tool torch towel toy tractor train treasure tray truck trumpet tub turnout
ultrasound umbrella vase vehicle veil vessel violin wagon wall wallet watch wheel whistle wig
window wire yacht yarn zipper
""".split()
)

FOODS = tuple(
    """
almond apple apricot asparagus avocado bacon banana barley bean beef biscuit bread broth butter
cabbage cake candy carrot cauliflower celery cereal cheese cherry chocolate cider cinnamon coconut
coffee cookie corn cream croissant cucumber curry custard dumpling egg fig garlic ginger grape
gravy honey jam juice lemon lemonade lettuce mango marmalade melon milk mushroom mustard noodle nut
oatmeal olive onion orange pancake pasta pastry peach peanut pear pepper pickle pie pineapple pizza
plum porridge potato pudding pumpkin radish raisin raspberry rice salad salt sandwich sauce sausage
soup spinach steak strawberry sugar syrup tea toast tomato turnip vanilla vinegar waffle walnut
water wheat yogurt
""".split()
)

PLACES = tuple(
    """
airport alley apartment attic avenue backyard bakery balcony bank barn basement bathroom beach
bedroom belvedere boulevard cabin camp campfire canal canyon capital castle cathedral cave cellar
cemetery church cinema city classroom clearinghouse cliff college corner cottage country county
court courtyard creek desert factory farm farmhouse field firehouse forest fort garage garden
gallery glacier greenhouse hall harbor highway hill hospital hotel house hut island jungle junction
kitchen laboratory lagoon lake library lighthouse loch lounge market marsh meadow mill mine
monastery mountain museum nursery ocean office orchard palace park pasture pharmacy pier pizzeria
plaza pond pool port prairie prison quarry railroad ranch restaurant river roof salon school shore
shop stable stadium staircase station storehouse street suburb swamp temple territory theater
thoroughfare tower town tunnel university valley village vineyard waterfall waterfront waterworks
wharf wood workshop yard zoo
""".split()
)

IDEAS = tuple(
    """
accident adventure advice alliance ambition answer argument attitude beauty bravery caution chance
change choice climate comfort conversation courage curiosity danger decision decoration delay
desire deterioration disaster discovery discussion dream duty effort election emotion enthusiasm
error evidence exercise experience explanation failure faith fashion fear fortune freedom future
harmony health history hope horror humor hunger imagination information journey joy judgment
justice kindness knowledge language laughter leisure liberty literature logic luck luxury marriage
maturity meaning memory mercy mistake mood mystery nature neuroscience noise obscurity occasion
opinion option order organization patience peace period permission plan pleasure poverty power
practice pressure pride privacy problem progress promise proposal puberty punishment question
reason religion result revenge riot rumor sadness science secret silence situation solution sorrow
strategy success superiority surprise suspicion talent theory thought tournament tradition trouble
truth understanding vacation victory violation virtue vision wealth weather wisdom wonder
yesteryear
""".split()
)

ADJECTIVES = tuple(
    """
able absurd ancient angry anxious awful awkward barefoot beautiful beige better bitter blue bold
brave brief bright brilliant broad broken brown busy calm careful careless casual charming cheap
cheerful chilly clean clear clever cloudy clumsy cold colorful comfortable common complete
complicated confused cool correct crazy creamy cruel curious damp dangerous dark dear deep delicate
delicious different difficult dirty dizzy doubtful dry dull dusty eager early easy elegant empty
enormous entire equal exact excellent expensive faint fair faithful famous fancy fast fat favorite
fierce final fine firm flat flexible fluorescent foolish foreign fragile frail fresh friendly
frozen full funny furious generous gentle genuine glad gloomy golden good gorgeous gradual grand
grateful gray great greedy green guilty handsome happy hard harmless harsh heavy helpful hidden
high hollow holy honest horrible huge humble hungry ideal identical illustrious important
impossible innocent jealous jolly joyful juicy junior jurassic kind large late lazy lean left light
linear literal little lively local lonely long loose loud lovely low loyal lucky mature mere merry
mild miserable modern modest mysterious narrow nasty natural nearby neat nervous new nice noble
noisy normal northern obedient obvious odd old open ordinary original outlandish pale patient
peculiar perfect plain playful pleasant poetic polite poor popular precious pretty private proper
proud pure purple quick quiet quaint rapid rare raw ready real reckless red regular reliable
religious rich rigid ripe rotten rough round royal rude rural rusty sacred safe salty scientific
secure serious shallow sharp shiny short shy silent silly silver similar simple sincere sleepy
slender slight slim slippery slow small smart smooth soft solemn solid sore sour southern spare
special spiral splendid square stable steady steep sticky stiff straight strange strict strong
stubborn stupid sudden sunny sweet swift tall tame tender terrible thick thin thirsty thorough tidy
tight tiny tired tough tragic transparent tropical ugly uncertain unhappy unique unusual useful
usual vague vain valuable vast violent visible vivid warm weak weary wet white whole wicked wide
wild willing wise wooden worthy wrong yellow young
""".split()
)

ADVERBS = tuple(
    """
abruptly absolutely accidentally again already always anxiously anyhow apparently badly barely
beautifully boldly bravely briefly brightly calmly carefully casually certainly cheerfully clearly
closely clumsily coldly completely constantly correctly curiously daily deeply eagerly easily
elegantly entirely eventually exactly fairly finally firmly fortunately frankly freely frequently
gently gladly gracefully gradually greatly happily hardly hastily heavily honestly hopefully hourly
ideally immediately instantly joyfully kindly lately lazily lightly loudly luckily madly merrily
mildly naturally neatly nervously nicely noisily obviously often openly partly patiently peacefully
perfectly politely poorly possibly privately probably promptly properly proudly quickly quietly
rapidly rarely readily really recently regularly sadly safely secretly seldom seriously sharply
silently simply slowly smoothly softly solemnly sometimes soon steadily strangely strongly suddenly
surely sweetly swiftly tightly truly usually violently warmly wearily wildly willingly wisely
""".split()
)

TRANSITIVE = tuple(
    """
accept admire adore amuse annoy avoid bake begin/began bite/bit borrow break/broke bring/brought
brush build/built burn bury buy/bought call carry carve catch/caught celebrate chase choose/chose
clean climb collect compare consider cook copy count cover crush curate damage decorate defend
deliver describe deserve design desire destroy discover discuss display divide drag draw/drew
drink/drank drop earn eat/ate encourage enjoy examine exchange exhibit explore fancy feed/fed fetch
fight/fought fill find/found fix fold follow forget/forgot forgive/forgave formulate gather grab
greet guard hang/hung hate hear/heard help hide/hid hit hold/held hug ignore imagine improve
include inspect inspire interrupt introduce invent invite judge keep/kept kick kiss lead/led
leave/left lend/lent lift like lose/lost love magnify manufacture mark measure meet/met mention
miss mix move need notice obey obscure observe offer open order organize outdo/outdid overlook own
paint pass photograph pick plant polish prefer prepare preserve press print produce promise protect
pull purify push reach read/read receive recognize record refuse remember remove rent repair
replace require rescue respect return ride/rode roast rob ruin save scratch see/saw sell/sold
send/sent serve share shake/shook show sketch smell spoil steal/stole study surround take/took
taste teach/taught tear/tore throw/threw touch trade transport trap trust understand/understood use
value view visit want warn wash watch wear/wore weigh welcome win/won wrap write/wrote
""".split()
)

INTRANSITIVE = tuple(
    """
agree appear argue arrive breathe complain cough cry dance decay disappear dream drown escape
exercise fall/fell fly/flew giggle grow/grew hesitate hurry jump kneel/knelt laugh lie/lay listen
march meditate nod pause perform pray rehearse relax rest retire rise/rose run/ran sail scream
shine/shone shiver sigh sing/sang sit/sat sleep/slept smile sneeze snore speak/spoke stand/stood
stare stumble swim/swam tremble vanish volunteer wait wake/woke walk wander weep/wept whisper work
worry yawn yell
""".split()
)

NUMBERS = tuple(
    """
two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety 21 36 48 57 64 75
83 99 100 112 250 365 1,000
""".split()
)

TIMES = (
    "yesterday,today,tonight,tomorrow,this morning,last night,last week,next month,every day,"
    "every evening,on Monday,on Tuesday,on Wednesday,on Thursday,on Friday,on Saturday,on Sunday,"
    "in January,in February,in March,in April,in May,in June,in July,in August,in September,"
    "in October,in November,in December,at noon,at midnight,at dawn,after dinner,before breakfast,"
    "during the winter,during the summer,in the spring,in the autumn,at four o'clock,"
    "for an hour,for a while,all afternoon,long ago,in 1984,in 1776,"
    "on the seventieth day,twice a year"
).split(",")

PREPOSITIONS = tuple(
    "near behind beside above below under inside outside beyond across at by in around over".split()
)

SHORT = (
    "Yes.,No.,Maybe.,Good morning.,Good night.,Thank you.,Of course.,Not today.,Not now.,"
    "Come in.,Sit down.,Why not?,Who is it?,What now?,Really?,Is it?,Oh dear!,Well done!,Stop it!,"
    "Hurry up!,Never!,Be careful!,I see.,We know.,They left.,You choose.,Who knows?,Not yet.,"
    "It works!,Over there.,How much?,How far?,Where to?,Since when?,Hello!,Goodbye.,Excuse me.,"
    "I agree.,No problem.,See you soon.,After you.,Same here.,So what?,Try again.,What a pity!,"
    "Says who?,Keep quiet!,Look out!,All right.,My pleasure."
).split(",")

EXCLAIMED = ("What a", "Such a", "Look at the", "Beware of the", "Watch the", "Hooray for the")
