"""The words of product names, by department. The catalogue combines them with Faker's names and colours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Department:
    """Families of one department go together: who buys boards needs mugs."""

    name: str
    median_price: float
    materials: tuple[str, ...]
    families: tuple[tuple[str, ...], ...]  # each is one group of the catalogue: nouns for the same thing
    peak_day: int | None = None  # day of the year at which the department sells best


def _department(
    name: str, price: float, materials: str, families: str, peak_day: int | None = None
) -> Department:
    nouns = tuple(tuple(family.split("/")) for family in families.split(", "))
    return Department(name, price, tuple(materials.split()), nouns, peak_day)


_JUNE, _DECEMBER = 166, 345  # mid-June; two weeks before Christmas

DEPARTMENTS = (
    _department(
        "Kitchen",
        6.5,
        "Oak Slate Bamboo Enamel Copper",
        "Serving Board/Cheese Board/Bread Board, Mug/Tea Cup/Espresso Cup, "
        "Teapot/Cafetiere/Milk Jug, Mixing Bowl/Baking Dish/Pie Dish, "
        "Storage Jar/Biscuit Tin/Cake Tin, Apron/Oven Glove/Tea Towel",
    ),
    _department(
        "Table",
        8.0,
        "Stoneware Glass Linen Porcelain",
        "Dinner Plate/Side Plate/Cake Stand, Wine Glass/Tumbler/Carafe, "
        "Napkin Set/Table Runner/Place Mat, Salad Bowl/Fruit Bowl/Soup Bowl, "
        "Cutlery Set/Cake Fork Set/Salad Servers, Candle Holder/Tealight Holder/Lantern",
    ),
    _department(
        "Living",
        14.0,
        "Wool Cotton Velvet Rattan",
        "Cushion/Cushion Cover/Floor Cushion, Throw/Blanket/Bedspread, "
        "Picture Frame/Wall Mirror/Wall Clock, Vase/Planter/Plant Stand, "
        "Doorstop/Door Mat/Coat Hook, Magazine Rack/Storage Basket/Log Basket",
    ),
    _department(
        "Garden",
        11.0,
        "Terracotta Zinc Willow Cast-Iron",
        "Flower Pot/Window Box/Hanging Basket, Watering Can/Trowel/Garden Fork, "
        "Bird Feeder/Bird House/Bird Bath, Picnic Basket/Picnic Blanket/Cool Bag, "
        "Parasol/Deck Chair/Hammock, Plant Marker/Seed Tin/Twine Holder",
        _JUNE,
    ),
    _department(
        "Christmas",
        4.0,
        "Felt Glass Wooden Silver",
        "Bauble/Tree Star/Tree Topper, Advent Calendar/Christmas Stocking/Gift Sack, "
        "Wreath/Garland/Fairy Lights, Gift Wrap/Gift Tag/Ribbon, Nativity/Snow Globe/Nutcracker, "
        "Christmas Card/Cracker/Party Hat",
        _DECEMBER,
    ),
    _department(
        "Stationery",
        3.5,
        "Recycled Leather Marbled Kraft",
        "Notebook/Journal/Sketchbook, Fountain Pen/Pencil Set/Pencil Case, "
        "Greeting Card/Postcard Set/Envelope Set, Desk Tidy/Letter Rack/Paper Weight, "
        "Diary/Wall Planner/Calendar, Washi Tape/Sticker Set/Rubber Stamp",
    ),
    _department(
        "Play",
        9.0,
        "Wooden Knitted Painted Tin",
        "Puzzle/Building Blocks/Stacking Toy, Rag Doll/Teddy Bear/Hand Puppet, "
        "Spinning Top/Yo-Yo/Skipping Rope, Board Game/Card Game/Domino Set, "
        "Toy Train/Toy Car/Toy Boat, Dolls' House/Tea Set/Play Kitchen",
    ),
    _department(
        "Bath",
        7.0,
        "Lavender Cotton Bamboo Marble",
        "Hand Soap/Bath Salts/Bubble Bath, Bath Towel/Hand Towel/Flannel, "
        "Soap Dish/Toothbrush Holder/Bath Tray, Scented Candle/Reed Diffuser/Room Spray, "
        "Wash Bag/Make-up Bag/Hair Band, Laundry Bag/Peg Bag/Linen Spray",
    ),
    _department(
        "Party",
        2.8,
        "Paper Foil Striped Spotted",
        "Bunting/Banner/Paper Chain, Balloon Set/Paper Lantern/Pom Pom, "
        "Cake Case/Cake Topper/Cupcake Stand, Paper Plate/Paper Cup/Paper Straw, "
        "Party Bag/Lolly Bag/Treat Box, Birthday Candle/Sparkler/Confetti",
    ),
    _department(
        "Wear",
        16.0,
        "Merino Silk Denim Tweed",
        "Scarf/Gloves/Beanie, Tote Bag/Shopper/Rucksack, Purse/Card Holder/Key Ring, "
        "Socks/Slippers/Bed Socks, Necklace/Bracelet/Earrings, Umbrella/Rain Hat/Poncho",
    ),
    _department(
        "Light",
        19.0,
        "Brass Smoked-Glass Ceramic Paper",
        "Table Lamp/Desk Lamp/Bedside Lamp, Pendant/Lampshade/Chandelier, "
        "Night Light/String Lights/Light Box, Storm Lantern/Hurricane Lamp/Candle Lamp, "
        "Filament Bulb/Cable Flex/Ceiling Rose, Solar Light/Festoon Lights/Torch",
    ),
    _department(
        "Pets",
        6.0,
        "Tweed Rope Steel Fleece",
        "Dog Lead/Dog Collar/Dog Coat, Cat Toy/Scratching Post/Cat Tunnel, "
        "Dog Bowl/Cat Bowl/Water Fountain, Dog Bed/Cat Bed/Pet Blanket, "
        "Dog Treats/Cat Treats/Chew Toy, Pet Brush/Pet Towel/Poop Bag Holder",
    ),
)

VARIANTS = (
    (", Small", ", Medium", ", Large"),  # the comma is part of the name: such lines are quoted
    (' 6"', ' 8"', ' 10"', ' 12"'),  # and so is the inch sign, which is doubled inside the quotes
    (" Set of 2", " Set of 4", " Set of 6"),
)

COUNTRIES = (  # of those who do not live where the shop is
    "Germany",
    "France",
    "EIRE",
    "Spain",
    "Netherlands",
    "Belgium",
    "Switzerland",
    "Portugal",
    "Australia",
    "Norway",
    "Italy",
    "Channel Islands",
)
HOME_COUNTRY = "United Kingdom"
