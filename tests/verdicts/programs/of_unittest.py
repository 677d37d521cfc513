import asyncio
import unittest
from unittest import TestCase, skip

from shop import Till, register, total

made = []


def setUpModule():
    made.append("module")


class Mixin:
    expected = 3

    def test_mixed_in(self):
        self.assertEqual(total([1, 2]), self.expected)


class CaseTest(Mixin, TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = ["class"]

    def setUp(self):
        self.till = Till()
        self.addCleanup(made.append, "cleaned")

    def tearDown(self):
        self.till = None

    def test_shared(self):
        self.assertEqual(self.shared, ["class"])
        self.assertIn("module", made)

    def test_equal(self):
        self.assertEqual(total([1]), 2)

    def test_raises(self):
        with self.assertRaises(ValueError) as caught:
            self.till.put(-1)
        self.assertEqual(str(caught.exception), "-1 is negative")
        self.assertRaisesRegex(ValueError, "negative", self.till.put, -2)

    def test_does_not_raise(self):
        self.assertRaises(ValueError, self.till.put, 1)

    def test_many(self):
        self.assertTrue(1)
        self.assertFalse(0)
        self.assertIsNone(None)
        self.assertIsInstance(1, int)
        self.assertAlmostEqual(0.1 + 0.2, 0.3)
        self.assertCountEqual([1, 2, 2], [2, 1, 2])
        self.assertDictEqual({"a": 1}, {"a": 1})
        self.assertListEqual([1], [1])
        self.assertGreater(2, 1)
        self.assertRegex("abc", "b")
        self.assertNotIn(1, [2])
        self.assertSequenceEqual([1, 2], (1, 2))

    def test_list(self):
        self.assertListEqual([1], (1,))

    def test_count(self):
        self.assertCountEqual([1, 1], [1, 2])

    def test_almost(self):
        self.assertAlmostEqual(1, 1.01, places=2)

    def test_sub(self):
        for number in (1, 2):
            with self.subTest(number=number):
                self.assertLess(number, 2)

    def test_warns(self):
        with self.assertWarns(DeprecationWarning):
            register(None)

    @skip("no")
    def test_skipped(self):
        self.fail()

    def test_skips(self):
        self.skipTest("now")

    @unittest.expectedFailure
    def test_expected(self):
        self.fail()

    def test_misspelt(self):
        self.assertEqal(1, 1)


@unittest.skip("all of it")
class Skipped(TestCase):
    def test_skipped(self):
        self.fail()


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.value = 1

    async def test_value(self):
        await asyncio.sleep(0)
        self.assertEqual(self.value, 1)

    async def test_other(self):
        self.assertEqual(self.value, 2)


if __name__ == "__main__":
    unittest.main()
