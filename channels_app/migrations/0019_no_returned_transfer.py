from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("channels_app", "0018_rung")]

    operations = [
        # Nothing was ever in the state "returned": a call that comes back is `CallCourse`'s to say.
        migrations.AlterField(
            model_name="calltransfer",
            name="state",
            field=models.CharField(
                choices=[
                    ("dialling", "Dialling"),
                    ("whispering", "Being announced"),
                    ("bridged", "Put through"),
                    ("failed", "Failed"),
                    ("ended", "Ended"),
                ],
                default="dialling",
                max_length=10,
            ),
        ),
    ]
